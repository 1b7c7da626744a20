import { BSONError, type Binary, Decimal128, Long, ObjectId, Timestamp } from "bson";
import type { Operator } from "./operator";
import { MongoServerError } from "../errors";
import { asDouble, convertNumber } from "../bson/numbers";
import { type Doc, bsonType, isDoc, isNumeric, toNumber, typeName } from "../bson/values";

type Target = "double" | "string" | "objectId" | "bool" | "date" | "int" | "long" | "decimal";

const TARGETS: Record<string, Target> = {
  double: "double",
  string: "string",
  objectId: "objectId",
  bool: "bool",
  date: "date",
  int: "int",
  long: "long",
  decimal: "decimal",
  1: "double",
  2: "string",
  7: "objectId",
  8: "bool",
  9: "date",
  16: "int",
  18: "long",
  19: "decimal",
};

function failure(value: unknown, to: Target, why = ""): MongoServerError {
  return new MongoServerError(
    241,
    `Unsupported conversion from ${typeName(value)} to ${to} in $convert with no onError value${why}`,
  );
}

/** Converts as `$convert` does without `onNull`/`onError`: null stays null; ConversionFailure (241) otherwise. */
function convert(value: unknown, to: Target): unknown {
  if (value === null || value === undefined) return null;
  const converted = attempt(value, to);
  if (converted === undefined) throw failure(value, to);
  return converted;
}

function attempt(value: unknown, to: Target): unknown {
  switch (to) {
    case "string":
      return toText(value);
    case "bool":
      if (typeof value === "boolean") return value;
      return isNumeric(value) ? toNumber(value) !== 0 : true;
    case "objectId":
      if (value instanceof ObjectId) return value;
      return typeof value === "string" && /^[0-9a-f]{24}$/i.test(value) ? new ObjectId(value) : undefined;
    case "date":
      return toDate(value);
    default:
      return toNumeric(value, to);
  }
}

function toText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || isNumeric(value)) return String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof ObjectId) return value.toHexString();
  if (bsonType(value) === "Binary" && (value as Binary).sub_type === 4) return (value as Binary).toUUID().toHexString();
  return undefined;
}

function toDate(value: unknown): Date | undefined {
  if (value instanceof Date) return value;
  if (value instanceof ObjectId) return value.getTimestamp();
  if (value instanceof Timestamp) return new Date(value.t * 1000);
  if (isNumeric(value) && typeName(value) !== "int") return new Date(Math.trunc(toNumber(value)));
  if (typeof value !== "string") return undefined;
  const parsed = new Date(/(Z|[+-]\d\d:?\d\d)$/.test(value) || !value.includes("T") ? value : `${value}Z`);
  return Number.isNaN(parsed.getTime()) ? undefined : parsed;
}

function toNumeric(value: unknown, to: "int" | "long" | "double" | "decimal"): unknown {
  if (typeof value === "boolean") return convertNumber(Number(value), to);
  if (isNumeric(value)) return convertNumber(value, to);
  if (value instanceof Date && to !== "int") return convertNumber(value.getTime(), to);
  if (typeof value !== "string") return undefined;
  if (to === "double")
    return /^\s|\s$|^$/.test(value) || Number.isNaN(Number(value)) ? undefined : asDouble(Number(value));
  if (to === "decimal") return parseDecimal(value);
  return /^[+-]?\d+$/.test(value) ? convertNumber(parseLong(value), to) : undefined;
}

function parseLong(text: string): Long | number {
  const long = Long.fromString(text.replace(/^\+/, ""));
  return long.toString() === String(BigInt(text.replace(/^\+/, ""))) ? long : NaN;
}

function parseDecimal(text: string): Decimal128 | undefined {
  try {
    return Decimal128.fromString(text);
  } catch (error) {
    if (error instanceof BSONError) return undefined;
    throw error;
  }
}

function convertWithDefaults(args: Doc): unknown {
  const name = isDoc(args.to) ? args.to.type : args.to;
  const to = TARGETS[String(name)];
  if (!to) throw new MongoServerError(9, `Unknown type name: ${String(name)}`);
  if (args.input === null || args.input === undefined) return args.onNull ?? null;
  const converted = attempt(args.input, to);
  if (converted !== undefined) return converted;
  if (args.onError !== undefined) return args.onError;
  throw failure(args.input, to);
}

const to = (target: Target): Operator => ({ arity: [1, 1], apply: ([value]) => convert(value, target) });

/** `$convert` and its shorthands. */
export const CONVERSIONS: Readonly<Record<string, Operator>> = {
  $convert: { arity: [1, 1], apply: ([args]) => convertWithDefaults(args as Doc) },
  $toString: to("string"),
  $toBool: to("bool"),
  $toObjectId: to("objectId"),
  $toDate: to("date"),
  $toInt: to("int"),
  $toLong: to("long"),
  $toDouble: to("double"),
  $toDecimal: to("decimal"),
};
