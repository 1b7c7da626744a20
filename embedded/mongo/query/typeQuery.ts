import { badValue } from "../errors";
import { type TypeName, isNumeric, toInteger, typeName } from "../bson/values";

const BY_CODE: Record<number, TypeName> = {
  [-1]: "minKey",
  1: "double",
  2: "string",
  3: "object",
  4: "array",
  5: "binData",
  7: "objectId",
  8: "bool",
  9: "date",
  10: "null",
  11: "regex",
  12: "dbPointer",
  13: "javascript",
  14: "symbol",
  15: "javascriptWithScope",
  16: "int",
  17: "timestamp",
  18: "long",
  19: "decimal",
  127: "maxKey",
};

const NAMES = new Set<string>(Object.values(BY_CODE));
const NUMBER: readonly TypeName[] = ["int", "long", "double", "decimal"];

/**
 * The test of `$type`: a type's name or code, `"number"`, or a list of them.
 *
 * @throws MongoServerError BadValue for a type that does not exist.
 */
export function typeTest(argument: unknown): (value: unknown) => boolean {
  const wanted = new Set((Array.isArray(argument) ? argument : [argument]).flatMap(namesOf));
  if (wanted.size === 0) throw badValue("$type must match at least one type");
  return (value) => value !== undefined && wanted.has(typeName(value));
}

function namesOf(argument: unknown): readonly TypeName[] {
  if (typeof argument === "string") {
    if (argument === "number") return NUMBER;
    if (!NAMES.has(argument)) throw badValue(`Unknown type name alias: ${argument}`);
    return [argument as TypeName];
  }
  if (!isNumeric(argument)) throw badValue("type must be represented as a number or a string");
  const code = toInteger(argument);
  const name = code === undefined ? undefined : BY_CODE[code];
  if (name === undefined) throw badValue(`Invalid numerical type code: ${String(argument)}`);
  return [name];
}
