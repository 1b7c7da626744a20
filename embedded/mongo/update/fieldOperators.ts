import { Timestamp } from "bson";
import { badValue, typeMismatch } from "../errors";
import { arithmetic, integer, toBigInt } from "../bson/numbers";
import { addToSet, pop, pull, pullAll, push } from "./arrayOperators";
import { readPath, removePath, writePath } from "./updatePaths";
import { type Doc, copyOf, isDoc, isNumeric, shown, typeName } from "../bson/values";
import { compareValues } from "../bson/order";

/** What an update needs to know about the document it is applied to. */
export interface UpdateContext {
  readonly position?: number | undefined;
  readonly inserting: boolean;
  readonly now: Date;
}

/** Changes one concrete path of a document that may be changed. */
export type FieldOperator = (
  document: Doc,
  parts: readonly string[],
  argument: unknown,
  context: UpdateContext,
) => void;

const set: FieldOperator = (document, parts, argument) => writePath(document, parts, copyOf(argument));

function calculate(operator: "$inc" | "$mul"): FieldOperator {
  return (document, parts, argument) => {
    const before = readPath(document, parts);
    if (before === undefined) {
      writePath(document, parts, operator === "$inc" ? argument : arithmetic("multiply", argument, 0));
      return;
    }
    if (!isNumeric(before)) {
      throw typeMismatch(
        `Cannot apply ${operator} to a value of non-numeric type. {_id: ${shown(document._id)}} has the field '${parts.at(-1)}' of non-numeric type ${typeName(before)}`,
      );
    }
    const after = arithmetic(operator === "$inc" ? "add" : "multiply", before, argument);
    if (after === undefined) {
      throw badValue(
        `Failed to apply ${operator} operations to current value ((NumberLong)${shown(before)}) for document {_id: ${shown(document._id)}}`,
      );
    }
    writePath(document, parts, after);
  };
}

function keepIf(better: (order: number) => boolean): FieldOperator {
  return (document, parts, argument) => {
    const before = readPath(document, parts);
    if (before === undefined || better(compareValues(argument, before))) set(document, parts, argument, NOT_NEEDED);
  };
}
const NOT_NEEDED: UpdateContext = { inserting: false, now: new Date(0) };

/** A `$rename` source: an array on the way is refused, as the target would be ambiguous. */
function assertOutsideArrays(document: Doc, parts: readonly string[], side: string): void {
  for (let depth = 1; depth < parts.length; depth++) {
    if (Array.isArray(readPath(document, parts.slice(0, depth)))) {
      throw badValue(
        `The ${side} field cannot be an array element, '${parts.join(".")}' in doc with _id: ${shown(document._id)} has an array field called '${parts[depth - 1]}'`,
      );
    }
  }
}

const bit: FieldOperator = (document, parts, argument) => {
  if (!isDoc(argument))
    throw badValue(
      `The $bit modifier is not compatible with a ${typeName(argument)}. You must pass in an embedded document: {$bit: {field: {and/or/xor: #}}`,
    );
  let value: unknown = readPath(document, parts) ?? 0;
  for (const [operation, operand] of Object.entries(argument)) {
    for (const side of [operand, value]) {
      if (typeName(side) !== "int" && typeName(side) !== "long")
        throw badValue(`Cannot apply $bit to a value of non-integral type: ${typeName(side)}`);
    }
    const [a, b] = [toBigInt(value), toBigInt(operand)];
    const long = typeName(value) === "long" || typeName(operand) === "long";
    if (operation === "and") value = integer(a & b, long);
    else if (operation === "or") value = integer(a | b, long);
    else if (operation === "xor") value = integer(a ^ b, long);
    else
      throw badValue(
        `The $bit modifier only supports 'and', 'or', and 'xor', not '${operation}' which is an unknown operator`,
      );
  }
  writePath(document, parts, value);
};

/** The update operators by name. */
export const FIELD_OPERATORS: Readonly<Record<string, FieldOperator>> = {
  $set: set,
  $setOnInsert: set,
  $unset: removePath,
  $inc: calculate("$inc"),
  $mul: calculate("$mul"),
  $min: keepIf((order) => order < 0),
  $max: keepIf((order) => order > 0),
  $rename(document, parts, target) {
    assertOutsideArrays(document, parts, "source");
    const to = (target as string).split(".");
    assertOutsideArrays(document, to, "destination");
    const value = readPath(document, parts);
    if (value === undefined) return;
    removePath(document, parts);
    writePath(document, to, value);
  },
  $currentDate(document, parts, argument, { now }) {
    const wantsTimestamp = isDoc(argument) && argument.$type === "timestamp";
    writePath(document, parts, wantsTimestamp ? timestampOf(now) : now);
  },
  $bit: bit,
  $push: push,
  $addToSet: addToSet,
  $pull: pull,
  $pullAll: pullAll,
  $pop: pop,
};

let ticks = 0;
/** A Timestamp of the given second; the counter keeps two of one second apart. */
export function timestampOf(now: Date): Timestamp {
  ticks = (ticks % 0x7fffffff) + 1;
  return new Timestamp({ t: Math.floor(now.getTime() / 1000), i: ticks });
}
