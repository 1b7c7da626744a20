import { Double, Long } from "bson";
import { decimalArithmetic } from "./decimal";
import { isInt32, toNumber, typeName } from "./values";

/** A double as values are stored: wrapped only where a plain number would read as an int. */
export function asDouble(value: number): number | Double {
  return isInt32(value) ? new Double(value) : value;
}

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/**
 * Adds or multiplies two numbers by MongoDB's rules: the result takes the wider type of the two (int < long < double <
 * decimal), an int that overflows becomes a long. Returns undefined where a long overflows.
 */
export function arithmetic(operation: "add" | "multiply", a: unknown, b: unknown): unknown {
  const types = [typeName(a), typeName(b)];
  if (types.includes("decimal")) return decimalArithmetic(operation, a, b);
  if (types.includes("double")) {
    const [x, y] = [toNumber(a), toNumber(b)];
    return asDouble(operation === "add" ? x + y : x * y);
  }
  const [x, y] = [toBigInt(a), toBigInt(b)];
  return integer(operation === "add" ? x + y : x * y, types.includes("long"));
}

/** An integer result as int where it fits and `long` was not asked for, else as long; undefined past 64 bits. */
export function integer(value: bigint, long: boolean): number | Long | undefined {
  if (!long && isInt32(Number(value))) return Number(value);
  return value > INT64_MAX || value < INT64_MIN ? undefined : Long.fromBigInt(value);
}

export function toBigInt(value: unknown): bigint {
  return value instanceof Long ? value.toBigInt() : BigInt(Math.trunc(toNumber(value)));
}
