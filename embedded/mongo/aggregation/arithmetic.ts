import { MongoServerError, badValue, typeMismatch } from "../errors";
import { arithmetic, asDouble, convertNumber, integer, toBigInt } from "../bson/numbers";
import { ANY, type Operator, missing, strict } from "./operator";
import { isNumeric, toNumber, typeName } from "../bson/values";
import { compareValues } from "../bson/order";

function numeric(operator: string, value: unknown): unknown {
  if (isNumeric(value)) return value;
  throw typeMismatch(`${operator} only supports numeric types, not ${typeName(value)}`);
}

function add(...args: unknown[]): unknown {
  const dates = args.filter((arg) => arg instanceof Date);
  if (dates.length > 1) throw badValue("only one date allowed in an $add expression");
  let sum: unknown = 0;
  for (const arg of args) {
    if (arg instanceof Date) continue;
    if (!isNumeric(arg)) throw typeMismatch(`$add only supports numeric or date types, not ${typeName(arg)}`);
    sum = arithmetic("add", sum, arg) ?? asDouble(toNumber(sum) + toNumber(arg));
  }
  const [date] = dates;
  return date ? new Date(date.getTime() + Math.round(toNumber(sum))) : sum;
}

function subtract(a: unknown, b: unknown): unknown {
  if (a instanceof Date) {
    if (b instanceof Date) return convertNumber(a.getTime() - b.getTime(), "long");
    return new Date(a.getTime() - Math.round(toNumber(numeric("$subtract", b))));
  }
  if (!isNumeric(a) || !isNumeric(b)) {
    throw typeMismatch(`can't $subtract ${typeName(b)} from ${typeName(a)}`);
  }
  return arithmetic("add", a, arithmetic("multiply", b, -1)) ?? asDouble(toNumber(a) - toNumber(b));
}

function divide(a: unknown, b: unknown): unknown {
  if (!isNumeric(a) || !isNumeric(b)) {
    throw typeMismatch(`$divide only supports numeric types, not ${typeName(a)} and ${typeName(b)}`);
  }
  if (toNumber(b) === 0) throw badValue("can't $divide by zero");
  const quotient = toNumber(a) / toNumber(b);
  return typeName(a) === "decimal" || typeName(b) === "decimal"
    ? convertNumber(quotient, "decimal")
    : asDouble(quotient);
}

function modulo(a: unknown, b: unknown): unknown {
  if (!isNumeric(a) || !isNumeric(b)) {
    throw typeMismatch(`$mod only supports numeric types, not ${typeName(a)} and ${typeName(b)}`);
  }
  if (toNumber(b) === 0) throw new MongoServerError(16610, "can't $mod by zero");
  const types = [typeName(a), typeName(b)];
  if (types.includes("double")) return asDouble(toNumber(a) % toNumber(b));
  if (types.includes("decimal")) return convertNumber(toNumber(a) % toNumber(b), "decimal");
  return integer(toBigInt(a) % toBigInt(b), types.includes("long"));
}

/** Applies `round` to a fraction and keeps the operand's type; integers pass unchanged. */
function rounding(operator: string, round: (value: number) => number): (value: unknown) => unknown {
  return (value) => {
    const type = typeName(numeric(operator, value));
    return type === "double" || type === "decimal" ? convertNumber(round(toNumber(value)), type) : value;
  };
}

const halfToEven = (value: number): number => {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
};

function atPlace(round: (value: number) => number): (value: number, place: number) => number {
  // Shifting by the decimal exponent in text avoids the error that multiplying by a power of ten would add.
  return (value, place) => shift(round(shift(value, place)), -place);
}
const shift = (value: number, by: number): number => {
  const [digits = "0", exponent = "0"] = String(value).split("e");
  return Number(`${digits}e${Number(exponent) + by}`);
};

function placed(operator: string, round: (value: number) => number): Operator {
  const at = atPlace(round);
  return strict(1, 2, (value, place = 0) => rounding(operator, (number) => at(number, toNumber(place)))(value));
}

/** Numbers among an expression's operands: a single array operand stands for its items. */
function spread(args: readonly unknown[]): unknown[] {
  return args.length === 1 && Array.isArray(args[0]) ? (args[0] as unknown[]) : [...args];
}

/** The sum of the numeric values; others are passed over, as `$sum` has it. */
export function sumOf(values: readonly unknown[]): unknown {
  let sum: unknown = 0;
  for (const value of values) {
    if (isNumeric(value)) sum = arithmetic("add", sum, value) ?? asDouble(toNumber(sum) + toNumber(value));
  }
  return sum;
}

/** The mean of the numeric values as a double (or decimal), null without any. */
export function averageOf(values: readonly unknown[]): unknown {
  const numbers = values.filter(isNumeric);
  return numbers.length === 0 ? null : divide(sumOf(numbers), numbers.length);
}

/** The least (`sign` 1) or greatest (-1) value that is neither null nor missing; null without any. */
export function extremeOf(values: readonly unknown[], sign: 1 | -1): unknown {
  let best: unknown = null;
  for (const value of values) {
    if (!missing(value) && (best === null || compareValues(value, best) * sign < 0)) best = value;
  }
  return best;
}

/** The operators that calculate. */
export const ARITHMETIC: Readonly<Record<string, Operator>> = {
  $add: strict(0, ANY, add),
  $subtract: strict(2, 2, subtract),
  $multiply: strict(0, ANY, (...args) =>
    args.reduce(
      (product, arg) =>
        arithmetic("multiply", product, numeric("$multiply", arg)) ?? asDouble(toNumber(product) * toNumber(arg)),
      1,
    ),
  ),
  $divide: strict(2, 2, divide),
  $mod: strict(2, 2, modulo),
  $pow: strict(2, 2, (base, exponent) => {
    const power = toNumber(numeric("$pow", base)) ** toNumber(numeric("$pow", exponent));
    const whole = typeName(base) !== "double" && typeName(exponent) !== "double" && Number.isSafeInteger(power);
    return whole ? integer(BigInt(power), typeName(base) === "long") : asDouble(power);
  }),
  $abs: strict(1, 1, (value) => (toNumber(numeric("$abs", value)) < 0 ? arithmetic("multiply", value, -1) : value)),
  $ceil: strict(1, 1, rounding("$ceil", Math.ceil)),
  $floor: strict(1, 1, rounding("$floor", Math.floor)),
  $round: placed("$round", halfToEven),
  $trunc: placed("$trunc", Math.trunc),
  $sum: { arity: [0, ANY], apply: (args) => sumOf(spread(args)) },
  $avg: { arity: [0, ANY], apply: (args) => averageOf(spread(args)) },
  $min: { arity: [0, ANY], apply: (args) => extremeOf(spread(args), 1) },
  $max: { arity: [0, ANY], apply: (args) => extremeOf(spread(args), -1) },
};
