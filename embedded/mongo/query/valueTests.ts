import type { BSONRegExp, Binary } from "bson";
import { badValue } from "../errors";
import { toBigInt } from "../bson/numbers";
import { isOperatorDoc } from "./operatorDoc";
import { compileRegex } from "./regex";
import { bracketOf, bsonType, isNumeric, toInteger, toNumber } from "../bson/values";
import { compareValues, keyOf } from "../bson/order";

/** A query operator's test of one value; `undefined` is a missing one. */
export type ValueTest = (value: unknown) => boolean;

/** Equality by value across numeric types; null also accepts a missing field. */
export function equalTo(operand: unknown): ValueTest {
  if (operand === null) return (value) => value === null || value === undefined;
  if (typeof operand === "string" || typeof operand === "boolean") return (value) => value === operand;
  const bracket = bracketOf(operand);
  return (value) => bracketOf(value) === bracket && compareValues(value, operand) === 0;
}

/** An ordering test that stays within the operand's type bracket; MinKey and MaxKey compare with everything. */
export function comparison(operator: "$gt" | "$gte" | "$lt" | "$lte", operand: unknown): ValueTest {
  const accepts: Record<typeof operator, (order: number) => boolean> = {
    $gt: (order) => order > 0,
    $gte: (order) => order >= 0,
    $lt: (order) => order < 0,
    $lte: (order) => order <= 0,
  };
  const accept = accepts[operator];
  if (operand === null) return (value) => (value === null || value === undefined) && accept(0);
  const type = bsonType(operand);
  if (type === "MinKey" || type === "MaxKey") {
    return (value) => accept(compareValues(value, operand));
  }
  const isNaNValue = (value: unknown): boolean => isNumeric(value) && Number.isNaN(toNumber(value));
  if (isNaNValue(operand)) return (value) => isNaNValue(value) && accept(0);
  const bracket = bracketOf(operand);
  return (value) => bracketOf(value) === bracket && !isNaNValue(value) && accept(compareValues(value, operand));
}

export function oneOf(operator: string, argument: unknown): ValueTest {
  if (!Array.isArray(argument)) throw badValue(`${operator} needs an array`);
  const keys = new Set<string>();
  const patterns: ValueTest[] = [];
  for (const item of argument) {
    if (isOperatorDoc(item)) throw badValue(`cannot nest $ under ${operator}`);
    if (bsonType(item) === "BSONRegExp") patterns.push(regexTest(item as BSONRegExp));
    keys.add(keyOf(item));
  }
  if (keys.has(keyOf(null))) keys.add(keyOf(undefined));
  return (value) => keys.has(keyOf(value)) || patterns.some((test) => test(value));
}

export function regexTest(pattern: unknown, options?: unknown): ValueTest {
  const matches = compileRegex(pattern, options);
  return (value) => {
    if (typeof value === "string") return matches(value);
    return (
      bsonType(value) === "BSONRegExp" && bsonType(pattern) === "BSONRegExp" && compareValues(value, pattern) === 0
    );
  };
}

export function modulo(argument: unknown): ValueTest {
  if (!Array.isArray(argument)) throw badValue("malformed mod, needs to be an array");
  if (argument.length < 2) throw badValue("malformed mod, not enough elements");
  if (argument.length > 2) throw badValue("malformed mod, too many elements");
  if (!isNumeric(argument[0])) throw badValue("malformed mod, divisor not a number");
  if (!isNumeric(argument[1])) throw badValue("malformed mod, remainder not a number");
  const [divisor, remainder] = [toBigInt(argument[0]), toBigInt(argument[1])];
  if (divisor === 0n) throw badValue("divisor cannot be 0");
  return (value) => isNumeric(value) && Number.isFinite(toNumber(value)) && toBigInt(value) % divisor === remainder;
}

export function bits(operator: string, argument: unknown): ValueTest {
  const mask = bitMask(operator, argument);
  const all = operator.includes("All");
  const wantsSet = operator.endsWith("Set");
  return (value) => {
    const stored = bitsOf(value);
    if (stored === undefined) return false;
    const found = (wantsSet ? stored : ~stored) & mask;
    return all ? found === mask : found !== 0n;
  };
}

/** The bits of a whole number (two's complement) or of BinData (its first byte holds the lowest). */
function bitsOf(value: unknown): bigint | undefined {
  if (toInteger(value) !== undefined) return toBigInt(value);
  if (bsonType(value) !== "Binary") return undefined;
  return (value as Binary).value().reduceRight((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
}

function bitMask(operator: string, argument: unknown): bigint {
  if (!Array.isArray(argument)) {
    const mask = bitsOf(argument);
    if (mask === undefined || mask < 0n) throw badValue(`${operator} takes an Array, a number, or a BinData`);
    return mask;
  }
  return argument.reduce<bigint>((mask, position) => {
    const bit = toInteger(position);
    if (bit === undefined || bit < 0) throw badValue("bit positions must be an integer >= 0");
    return mask | (1n << BigInt(bit));
  }, 0n);
}
