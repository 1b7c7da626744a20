import { MongoServerError } from "../errors";
import { ANY, type Operator, missing, strict, unary } from "./operator";
import { isNumeric, toNumber, typeName } from "../bson/values";

function text(operator: string, value: unknown): string {
  if (missing(value)) return "";
  if (typeof value === "string") return value;
  if (value instanceof Date) return value.toISOString();
  if (isNumeric(value)) return String(value);
  throw new MongoServerError(16007, `can't convert from BSON type ${typeName(value)} to String (${operator})`);
}

/** A text as its code points, which is what the operators named `CP` count. */
const codePoints = (value: string): string[] => Array.from(value);

function substring([value, start, length]: readonly unknown[]): string {
  const points = codePoints(text("$substrCP", value));
  const from = toNumber(start);
  return points.slice(from, toNumber(length) < 0 ? undefined : from + toNumber(length)).join("");
}

/** The operators on text that are not mingo's. */
export const TEXT: Readonly<Record<string, Operator>> = {
  $concat: strict(0, ANY, (...args) => {
    const odd = args.find((arg) => typeof arg !== "string");
    if (odd !== undefined) throw new MongoServerError(16702, `$concat only supports strings, not ${typeName(odd)}`);
    return args.join("");
  }),
  $toLower: unary((value) => text("$toLower", value).replace(/[A-Z]+/g, (letters) => letters.toLowerCase())),
  $toUpper: unary((value) => text("$toUpper", value).replace(/[a-z]+/g, (letters) => letters.toUpperCase())),
  $strLenCP: unary((value) => {
    if (typeof value !== "string")
      throw new MongoServerError(34471, `$strLenCP requires a string argument, found: ${typeName(value)}`);
    return codePoints(value).length;
  }),
  $substrCP: { arity: [3, 3], apply: substring },
  $substr: { arity: [3, 3], apply: substring },
  $indexOfCP: strict(2, 4, (value, search, start = 0, end = ANY) => {
    const from = codePoints(text("$indexOfCP", value)).slice(toNumber(start), toNumber(end)).join("");
    const found = from.indexOf(text("$indexOfCP", search));
    return found < 0 ? -1 : toNumber(start) + codePoints(from.slice(0, found)).length;
  }),
};
