import {
  type BSONRegExp,
  type BSONSymbol,
  type Binary,
  type Code,
  Decimal128,
  type Double,
  Long,
  type ObjectId,
  type Timestamp,
} from "bson";
import { compareDecimals, decimalKey } from "./decimal";
import { BRACKETS, type Doc, bracketOf, bsonType, toNumber, typeName } from "./values";

const BEYOND_SURROGATES = /[\ud800-\uffff]/;

/** Order of strings by their UTF-8 bytes, which UTF-16 code units only disagree with past U+D800. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  if (BEYOND_SURROGATES.test(a) && BEYOND_SURROGATES.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}

const order = (a: number | bigint | boolean, b: number | bigint | boolean): number => (a < b ? -1 : a > b ? 1 : 0);

function compareNumbers(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return compareDoubles(a, b);
  if (a instanceof Decimal128 || b instanceof Decimal128) return compareDecimals(a, b);
  if (a instanceof Long && b instanceof Long) return a.compare(b);
  if (a instanceof Long) return compareLongToDouble(a, toNumber(b));
  if (b instanceof Long) return -compareLongToDouble(b, toNumber(a));
  return compareDoubles(toNumber(a), toNumber(b));
}

/** NaN stands below every number and equals itself. */
function compareDoubles(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : 1;
}

function compareLongToDouble(a: Long, b: number): number {
  // JavaScript compares bigint to number exactly; a rounded conversion would call 2^53 and 2^53 + 1 equal.
  return Number.isNaN(b) ? 1 : order(a.toBigInt(), b);
}

function compareBinary(a: Binary, b: Binary): number {
  return (
    order(a.length(), b.length()) || order(a.sub_type, b.sub_type) || Buffer.compare(Buffer.from(a.value()), b.value())
  );
}

function compareDocs(a: Doc, b: Doc): number {
  const left = Object.keys(a);
  const right = Object.keys(b);
  for (let i = 0; i < left.length && i < right.length; i++) {
    const [x, y] = [a[left[i] as string], b[right[i] as string]];
    const result =
      order(bracketOf(x), bracketOf(y)) || compareStrings(left[i] as string, right[i] as string) || compareValues(x, y);
    if (result !== 0) return result;
  }
  return order(left.length, right.length);
}

function compareArrays(a: readonly unknown[], b: readonly unknown[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const result = compareValues(a[i], b[i]);
    if (result !== 0) return result;
  }
  return order(a.length, b.length);
}

/** MongoDB's total order of BSON values (manual: "Comparison/Sort Order"); `undefined` stands just below null. */
export function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0;
  const bracket = bracketOf(a);
  const byType = order(bracket, bracketOf(b));
  if (byType !== 0) return byType;
  switch (bracket) {
    case BRACKETS.int:
      return compareNumbers(a, b);
    case BRACKETS.string:
      return compareStrings(String(a), String(b));
    case BRACKETS.object:
      return compareDocs(a as Doc, b as Doc);
    case BRACKETS.array:
      return compareArrays(a as unknown[], b as unknown[]);
    case BRACKETS.binData:
      return compareBinary(a as Binary, b as Binary);
    case BRACKETS.objectId:
      return compareStrings((a as ObjectId).toHexString(), (b as ObjectId).toHexString());
    case BRACKETS.bool:
      return order(a as boolean, b as boolean);
    case BRACKETS.date:
      return order((a as Date).getTime(), (b as Date).getTime());
    case BRACKETS.timestamp:
      return (a as Timestamp).compare(b as Timestamp);
    case BRACKETS.regex: {
      const [x, y] = [a as BSONRegExp, b as BSONRegExp];
      return compareStrings(x.pattern, y.pattern) || compareStrings(x.options, y.options);
    }
    case BRACKETS.javascript:
    case BRACKETS.javascriptWithScope:
      return compareStrings((a as Code).code, (b as Code).code);
    default:
      return 0;
  }
}

export const equalValues = (a: unknown, b: unknown): boolean => compareValues(a, b) === 0;

/**
 * A string equal for two values exactly when {@link compareValues} calls them equal: the key of hash indexes and of
 * grouping. So 1, 1.0, NumberLong(1) and NumberDecimal("1.00") share one.
 */
export function keyOf(value: unknown): string {
  switch (typeof value) {
    case "string":
      return `s${value}`;
    case "number":
      return numberKey(value);
    case "boolean":
      return value ? "b1" : "b0";
    case "undefined":
      return "u";
    default:
  }
  if (value === null) return "n";
  if (value instanceof Date) return `t${value.getTime()}`;
  if (Array.isArray(value)) return `[${value.map((item) => lengthPrefixed(keyOf(item))).join("")}]`;
  switch (bsonType(value)) {
    case undefined:
      return `{${Object.entries(value as Doc)
        .map(([field, item]) => lengthPrefixed(field) + lengthPrefixed(keyOf(item)))
        .join("")}}`;
    case "ObjectId":
      return `o${(value as ObjectId).toHexString()}`;
    case "Double":
      return numberKey((value as Double).value);
    case "Long":
      return `#${(value as Long).toString()}`;
    case "Decimal128":
      return decimalKey(value as Decimal128);
    case "Binary":
      return `x${(value as Binary).sub_type}:${Buffer.from((value as Binary).value()).toString("base64")}`;
    case "BSONRegExp":
      return `r${lengthPrefixed((value as BSONRegExp).pattern)}${(value as BSONRegExp).options}`;
    case "BSONSymbol":
      return `s${(value as BSONSymbol).value}`;
    case "Timestamp":
      return `T${(value as Timestamp).t}:${(value as Timestamp).i}`;
    case "Code":
      return `c${(value as Code).code}`;
    default:
      // MinKey and MaxKey: each equals itself alone.
      return bsonType(value) as string;
  }
}

const lengthPrefixed = (key: string): string => `${key.length}:${key}`;

export function numberKey(value: number): string {
  // Integers are spelled out in full so that they meet longs and decimals: 1e21 prints with an exponent otherwise.
  return Number.isSafeInteger(value)
    ? `#${value === 0 ? 0 : value}`
    : Number.isInteger(value)
      ? `#${BigInt(value)}`
      : `#${value}`;
}

/** Whether two values are the same in type, content and order of fields: what decides that an update changed nothing. */
export function identical(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  const type = typeName(a);
  if (type !== typeName(b)) return false;
  if (type === "object") {
    const left = Object.keys(a as Doc);
    const right = Object.keys(b as Doc);
    return (
      left.length === right.length &&
      left.every((key, i) => key === right[i] && identical((a as Doc)[key], (b as Doc)[key]))
    );
  }
  if (type === "array") {
    const [left, right] = [a as unknown[], b as unknown[]];
    return left.length === right.length && left.every((item, i) => identical(item, right[i]));
  }
  if (type === "decimal") return String(a) === String(b);
  return compareValues(a, b) === 0;
}
