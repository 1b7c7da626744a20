import { ObjectId, Timestamp } from "bson";
import { MongoServerError } from "../errors";
import { isOperatorDoc } from "../query/operatorDoc";
import { timestampOf } from "../update/fieldOperators";
import { writePath } from "../update/updatePaths";
import { type Doc, bsonType, isDoc } from "../bson/values";

/** A document as it is stored: its _id first, made where it is missing; empty top-level Timestamps filled in. */
export function newDocument(document: Doc, now: Date): Doc {
  const { _id = new ObjectId(), ...rest } = document;
  if (isDoc(_id)) {
    const dollar = Object.keys(_id).find((field) => field.startsWith("$"));
    if (dollar)
      throw new MongoServerError(
        52,
        `_id fields may not contain '$'-prefixed fields: ${dollar} is not valid for storage.`,
      );
  }
  for (const [field, value] of Object.entries(rest)) {
    if (value instanceof Timestamp && value.t === 0 && value.i === 0) rest[field] = timestampOf(now);
  }
  return { _id, ...rest };
}

/**
 * The document an upsert starts from: the fields its filter demands to equal something.
 *
 * @throws MongoServerError NotSingleValueField (54) when the filter demands two values of one path.
 */
export function upsertBase(filter: Doc, kind: "replacement" | "operators"): Doc {
  const equalities = new Map<string, unknown>();
  gather(filter, equalities);
  const base: Doc = {};
  for (const [path, value] of equalities) {
    if (kind === "replacement" && path !== "_id") continue;
    writePath(base, path.split("."), value);
  }
  return base;
}

function gather(filter: Doc, equalities: Map<string, unknown>): void {
  for (const [key, operand] of Object.entries(filter)) {
    if (Array.isArray(operand) && (key === "$and" || (key === "$or" && operand.length === 1))) {
      for (const branch of operand) if (isDoc(branch)) gather(branch, equalities);
    }
    if (key.startsWith("$")) continue;
    const value = equality(operand);
    if (value === undefined) continue;
    const clash = [...equalities.keys()].find(
      (path) => path === key || path.startsWith(`${key}.`) || key.startsWith(`${path}.`),
    );
    if (clash !== undefined)
      throw new MongoServerError(54, `cannot infer query fields to set, path '${key}' is matched twice`);
    equalities.set(key, value);
  }
}

function equality(operand: unknown): unknown {
  if (bsonType(operand) === "BSONRegExp") return undefined;
  if (!isOperatorDoc(operand)) return operand;
  if ("$eq" in operand) return operand.$eq;
  const list = operand.$in ?? operand.$all;
  const [only] = Array.isArray(list) && list.length === 1 ? (list as unknown[]) : [];
  return isOperatorDoc(only) || bsonType(only) === "BSONRegExp" ? undefined : only;
}
