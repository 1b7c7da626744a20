import { Decimal128, Long } from "bson";

/** A finite decimal: coefficient × 10^exponent. */
interface Parts {
  coefficient: bigint;
  exponent: number;
}

const MAX_DIGITS = 34;

/** Numbers of any BSON type, exactly; NaN and the infinities come back as JavaScript numbers. */
function partsOf(value: unknown): Parts | number {
  if (value instanceof Long) return { coefficient: value.toBigInt(), exponent: 0 };
  if (value instanceof Decimal128) return parse(value.toString());
  const number = typeof value === "number" ? value : Number(String(value));
  return Number.isFinite(number) ? exactDouble(number) : number;
}

function parse(text: string): Parts | number {
  const found = /^([+-]?)(\d*)(?:\.(\d*))?(?:E([+-]?\d+))?$/i.exec(text);
  if (!found) return text === "NaN" ? NaN : text.startsWith("-") ? -Infinity : Infinity;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = found;
  const magnitude = BigInt(whole + fraction || "0");
  return { coefficient: sign === "-" ? -magnitude : magnitude, exponent: Number(exponent) - fraction.length };
}

/** A double's exact value: every dyadic fraction m / 2^k is m × 5^k / 10^k. */
function exactDouble(value: number): Parts {
  let scaled = value;
  let twos = 0;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    twos++;
  }
  return { coefficient: BigInt(scaled) * 5n ** BigInt(twos), exponent: -twos };
}

function strip({ coefficient, exponent }: Parts): Parts {
  if (coefficient === 0n) return { coefficient, exponent: 0 };
  while (coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent++;
  }
  return { coefficient, exponent };
}

function aligned(a: Parts, b: Parts): [bigint, bigint, number] {
  const exponent = Math.min(a.exponent, b.exponent);
  return [
    a.coefficient * 10n ** BigInt(a.exponent - exponent),
    b.coefficient * 10n ** BigInt(b.exponent - exponent),
    exponent,
  ];
}

/** Compares two numbers of which at least one is a Decimal128, exactly; NaN stands below every number. */
export function compareDecimals(a: unknown, b: unknown): number {
  const x = partsOf(a);
  const y = partsOf(b);
  if (typeof x === "number" || typeof y === "number") {
    const [left, right] = [magnitude(x), magnitude(y)];
    if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
    return left < right ? -1 : left > right ? 1 : 0;
  }
  const signs =
    Number(x.coefficient > 0n) - Number(x.coefficient < 0n) - Number(y.coefficient > 0n) + Number(y.coefficient < 0n);
  if (signs !== 0) return Math.sign(signs);
  const [left, right] = aligned(strip(x), strip(y));
  return left < right ? -1 : left > right ? 1 : 0;
}

const magnitude = (value: Parts | number): number => (typeof value === "number" ? value : 0);

/** The equality key of a Decimal128, shared with every int, long and double of exactly the same value. */
export function decimalKey(value: Decimal128): string {
  const parts = partsOf(value);
  if (typeof parts === "number") return `#${parts}`;
  const { coefficient, exponent } = strip(parts);
  if (exponent >= 0) return `#${coefficient * 10n ** BigInt(exponent)}`;
  const asDouble = Number(value.toString());
  if (Number.isFinite(asDouble) && compareDecimals(value, asDouble) === 0) return `#${asDouble}`;
  return `#${coefficient}e${exponent}`;
}

/** Rounds to 34 digits, half to even, as IEEE 754 decimal128 does. */
function toDecimal({ coefficient, exponent }: Parts): Decimal128 {
  const negative = coefficient < 0n;
  let digits = negative ? -coefficient : coefficient;
  const excess = digits.toString().length - MAX_DIGITS;
  if (excess > 0) {
    const unit = 10n ** BigInt(excess);
    const [quotient, rest] = [digits / unit, digits % unit];
    const up = rest * 2n > unit || (rest * 2n === unit && quotient % 2n === 1n);
    digits = up ? quotient + 1n : quotient;
    exponent += excess;
  }
  return Decimal128.fromString(`${negative ? "-" : ""}${digits}E${exponent}`);
}

/** Sum or product of two numbers, at least one of them a Decimal128. Doubles enter with 15 significant digits. */
export function decimalArithmetic(operation: "add" | "multiply", a: unknown, b: unknown): Decimal128 {
  const [x, y] = [operand(a), operand(b)];
  if (typeof x === "number" || typeof y === "number") {
    const [left, right] = [Number(String(a)), Number(String(b))];
    return Decimal128.fromString(String(operation === "add" ? left + right : left * right));
  }
  if (operation === "multiply") {
    return toDecimal({ coefficient: x.coefficient * y.coefficient, exponent: x.exponent + y.exponent });
  }
  const [left, right, exponent] = aligned(x, y);
  return toDecimal({ coefficient: left + right, exponent });
}

function operand(value: unknown): Parts | number {
  const isDouble = typeof value === "number" && !Number.isInteger(value) && Number.isFinite(value);
  return isDouble ? parse(value.toPrecision(15)) : partsOf(value);
}
