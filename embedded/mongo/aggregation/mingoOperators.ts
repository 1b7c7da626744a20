import { BSONRegExp, Decimal128, Double, Long } from "bson";
import { Context, ProcessingMode, evalExpr } from "mingo/core";
import * as expressionOperators from "mingo/operators/expression";
import { badValue } from "../errors";
import { asDouble } from "../bson/numbers";
import { toRegExp } from "../query/regex";
import { isDoc } from "../bson/values";

const INTEGERS_AND_DATES =
  "$year $month $dayOfMonth $hour $minute $second $millisecond $dayOfWeek $dayOfYear $week $isoWeek $isoWeekYear " +
  "$isoDayOfWeek $dateToString $dateFromString $dateFromParts $dateToParts $dateAdd $dateSubtract $dateTrunc";
const STRINGS =
  "$trim $ltrim $rtrim $split $replaceOne $replaceAll $indexOfBytes $strcasecmp $substrBytes $strLenBytes " +
  "$regexMatch $regexFind $regexFindAll $zip";
const LONGS = "$dateDiff";
const DOUBLES =
  "$sin $cos $tan $asin $acos $atan $atan2 $sinh $cosh $tanh $asinh $acosh $atanh $degreesToRadians $radiansToDegrees " +
  "$exp $ln $log $log10 $sqrt";

/** The operators left to mingo: those whose operands it cannot misread once they are plain JavaScript values. */
export const MINGO_OPERATORS: ReadonlySet<string> = new Set(
  [INTEGERS_AND_DATES, STRINGS, LONGS, DOUBLES].join(" ").split(" "),
);

const doubles = new Set(DOUBLES.split(" "));
const longs = new Set(LONGS.split(" "));
const options = {
  idKey: "_id",
  scriptEnabled: false,
  useStrictMode: true,
  failOnError: true,
  processingMode: ProcessingMode.CLONE_OFF,
  context: Context.init({ expression: { ...expressionOperators } }),
};

/**
 * Applies one of {@link MINGO_OPERATORS} to evaluated arguments: an array (positional), or an object (named).
 *
 * @throws MongoServerError BadValue where mingo refuses the operands.
 */
export function applyMingo(name: string, argument: unknown): unknown {
  const result = run(name, literal(argument));
  if (typeof result !== "number") return result;
  if (longs.has(name)) return Long.fromNumber(result);
  return doubles.has(name) ? asDouble(result) : result;
}

function run(name: string, argument: unknown): unknown {
  try {
    return evalExpr({}, { [name]: argument }, options);
  } catch (error) {
    throw badValue(`${name}: ${(error as Error).message}`);
  }
}

/** Arguments as literals: they are evaluated already, and a string that starts with `$` must not be read as a path. */
function literal(argument: unknown): unknown {
  if (Array.isArray(argument)) {
    const items = argument.map((item) => ({ $literal: plain(item) }));
    return items.length === 1 ? items[0] : items;
  }
  if (!isDoc(argument)) return { $literal: plain(argument) };
  return Object.fromEntries(Object.entries(argument).map(([field, value]) => [field, { $literal: plain(value) }]));
}

function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Double || value instanceof Long || value instanceof Decimal128) return Number(value.toString());
  if (value instanceof BSONRegExp) return toRegExp(value);
  return Array.isArray(value) ? value.map(plain) : value;
}
