import { type Code, type Decimal128, type Double, type Long, type ObjectId } from "bson";

/**
 * A stored document. Values are held so that every BSON type stays distinct: an `int` is a plain integral number, a
 * `double` a plain number where that is unambiguous (fractions, beyond 32 bits, NaN, -0) and bson's `Double`
 * otherwise; `long` is `Long`; strings, booleans, Dates, null, arrays and plain objects are themselves; everything
 * else is the class of the bson package. Stored documents are never mutated: whoever changes one copies it first.
 */
export interface Doc {
  [field: string]: unknown;
}

const INT32_MAX = 0x7fffffff;
const INT32_MIN = -0x80000000;

export function isInt32(value: number): boolean {
  return Number.isInteger(value) && value <= INT32_MAX && value >= INT32_MIN && !Object.is(value, -0);
}

/** The tag that names the class of a bson value; undefined for plain values. */
export function bsonType(value: unknown): string | undefined {
  return typeof value === "object" && value !== null
    ? (value as { _bsontype?: string | undefined })._bsontype
    : undefined;
}

/** Whether `value` is an embedded document (not an array, Date or any bson class). */
export function isDoc(value: unknown): value is Doc {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    typeof (value as { _bsontype?: unknown })._bsontype !== "string"
  );
}

/** MongoDB's names for the types, as `$type` and its error messages write them. `undefined` means missing. */
export type TypeName =
  | "missing"
  | "minKey"
  | "null"
  | "int"
  | "double"
  | "long"
  | "decimal"
  | "symbol"
  | "string"
  | "object"
  | "array"
  | "binData"
  | "objectId"
  | "bool"
  | "date"
  | "timestamp"
  | "regex"
  | "dbPointer"
  | "javascript"
  | "javascriptWithScope"
  | "maxKey";

export function typeName(value: unknown): TypeName {
  switch (typeof value) {
    case "undefined":
      return "missing";
    case "string":
      return "string";
    case "number":
      return isInt32(value) ? "int" : "double";
    case "boolean":
      return "bool";
    default:
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  switch (bsonType(value)) {
    case "ObjectId":
      return "objectId";
    case "Double":
      return "double";
    case "Long":
      return "long";
    case "Decimal128":
      return "decimal";
    case "Binary":
      return "binData";
    case "Timestamp":
      return "timestamp";
    case "BSONRegExp":
      return "regex";
    case "BSONSymbol":
      return "symbol";
    case "Code":
      return (value as Code).scope === null ? "javascript" : "javascriptWithScope";
    case "MinKey":
      return "minKey";
    case "MaxKey":
      return "maxKey";
    default:
      return "object";
  }
}

/** Where each type stands in MongoDB's order; numbers share one place, so do strings and symbols. */
export const BRACKETS: Record<TypeName, number> = {
  minKey: 0,
  missing: 1,
  null: 2,
  int: 3,
  double: 3,
  long: 3,
  decimal: 3,
  symbol: 4,
  string: 4,
  object: 5,
  array: 6,
  binData: 7,
  objectId: 8,
  bool: 9,
  date: 10,
  timestamp: 11,
  regex: 12,
  dbPointer: 13,
  javascript: 14,
  javascriptWithScope: 15,
  maxKey: 16,
};

/** The bracket of a value: comparisons by query operators never cross it. */
export function bracketOf(value: unknown): number {
  switch (typeof value) {
    case "string":
      return 4;
    case "number":
      return 3;
    default:
      return BRACKETS[typeName(value)];
  }
}

export const NUMBER_BRACKET = BRACKETS.int;

export function isNumeric(value: unknown): boolean {
  return bracketOf(value) === NUMBER_BRACKET;
}

/** A number of any BSON type as a JavaScript number; precision beyond 53 bits is lost. */
export function toNumber(value: unknown): number {
  return typeof value === "number" ? value : Number((value as Double | Long | Decimal128).toString());
}

/** The exact integer in `value`, or undefined when it is no number or has a fraction. */
export function toInteger(value: unknown): number | undefined {
  if (!isNumeric(value)) return undefined;
  const number = toNumber(value);
  return Number.isInteger(number) ? number : undefined;
}

/** MongoDB's truth: everything but false, null, missing and zero. */
export function isTruthy(value: unknown): boolean {
  if (value === false || value === null || value === undefined) return false;
  return !isNumeric(value) || toNumber(value) !== 0;
}

/** Sets a field even where its name is `__proto__`, which plain assignment would take for the prototype. */
export function setField(target: Doc, field: string, value: unknown): void {
  if (field === "__proto__") {
    Object.defineProperty(target, field, { value, writable: true, enumerable: true, configurable: true });
  } else target[field] = value;
}

/** A field of a document as stored: never one inherited from Object.prototype. */
export function getField(source: Doc, field: string): unknown {
  return Object.hasOwn(source, field) ? source[field] : undefined;
}

/** A copy that may be changed freely. Leaves are shared: no code changes a Date, ObjectId or Binary in place. */
export function copyOf<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyOf) as T;
  if (!isDoc(value)) return value;
  const copy: Doc = {};
  for (const field of Object.keys(value)) setField(copy, field, copyOf(value[field]));
  return copy as T;
}

/** A value as error messages show it. */
export function shown(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  const type = bsonType(value);
  if (type === "ObjectId") return `ObjectId('${(value as ObjectId).toHexString()}')`;
  if (isNumeric(value)) return String(toNumber(value));
  return type === undefined ? JSON.stringify(value) : `${type}(${JSON.stringify(value)})`;
}
