import { MongoServerError } from "../errors";
import { ANY, type Operator, missing, strict, unary } from "./operator";
import { type Doc, isDoc, isNumeric, setField, toInteger, toNumber, typeName } from "../bson/values";
import { compareValues, equalValues, keyOf } from "../bson/order";

function array(operator: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw new MongoServerError(28689, `${operator}'s argument must be an array, but is ${typeName(value)}`);
}

function elementAt(operator: string): (value: unknown, index: unknown) => unknown {
  return (value, index) => {
    const position = toInteger(index);
    if (position === undefined) throw new MongoServerError(28690, `${operator}'s second argument must be an integer`);
    return array(operator, value).at(position);
  };
}

function slice([value, first, second]: readonly unknown[]): unknown {
  if (missing(value) || missing(first)) return null;
  const items = array("$slice", value);
  const start = toNumber(first);
  if (second === undefined) return start < 0 ? items.slice(start) : items.slice(0, start);
  const from = start < 0 ? Math.max(0, items.length + start) : start;
  return items.slice(from, from + toNumber(second));
}

function range(start: unknown, end: unknown, step: unknown = 1): number[] {
  const [from, to, by] = [toInteger(start), toInteger(end), toInteger(step)];
  if (from === undefined || to === undefined || by === undefined)
    throw new MongoServerError(34443, "$range requires integers");
  if (by === 0) throw new MongoServerError(34449, "$range requires a non-zero step value");
  const count = Math.max(0, Math.ceil((to - from) / by));
  return Array.from({ length: count }, (_, i) => from + i * by);
}

/** `$mergeObjects`: later fields win; null and missing are passed over. */
export function mergeObjects(args: readonly unknown[]): Doc {
  const sources = args.length === 1 && Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
  const merged: Doc = {};
  for (const source of sources) {
    if (missing(source)) continue;
    if (!isDoc(source))
      throw new MongoServerError(
        40400,
        `$mergeObjects requires object inputs, but input is of type ${typeName(source)}`,
      );
    for (const field of Object.keys(source)) setField(merged, field, source[field]);
  }
  return merged;
}

function arrayToObject(value: unknown): Doc {
  const result: Doc = {};
  for (const item of array("$arrayToObject", value)) {
    const [key, content] = Array.isArray(item) ? (item as unknown[]) : isDoc(item) ? [item.k, item.v] : [];
    if (typeof key !== "string")
      throw new MongoServerError(40395, "$arrayToObject requires pairs of a string and a value");
    setField(result, key, content);
  }
  return result;
}

/** The distinct values of a list, first come first kept. */
export function distinct(values: Iterable<unknown>): unknown[] {
  const found = new Map<string, unknown>();
  for (const value of values) {
    const key = keyOf(value);
    if (!found.has(key)) found.set(key, value);
  }
  return [...found.values()];
}

const keysOf = (value: unknown, operator: string): Set<string> => new Set(array(operator, value).map(keyOf));

/** Compares two documents by a sort specification's paths over plain (non-array) documents. */
function sortArray(args: Doc): unknown {
  const { input, sortBy } = args;
  if (missing(input)) return null;
  const by = isDoc(sortBy) ? Object.entries(sortBy) : undefined;
  return [...array("$sortArray", input)].sort((a, b) => {
    if (!by) return compareValues(a, b) * toNumber(sortBy);
    for (const [path, direction] of by) {
      const order = compareValues(fieldOf(a, path), fieldOf(b, path)) * toNumber(direction);
      if (order !== 0) return order;
    }
    return 0;
  });
}
const fieldOf = (value: unknown, path: string): unknown =>
  path.split(".").reduce((found, part) => (isDoc(found) ? found[part] : undefined), value) ?? null;

/** The operators on arrays, sets and objects. */
export const ARRAYS: Readonly<Record<string, Operator>> = {
  $size: unary((value) => {
    if (!Array.isArray(value))
      throw new MongoServerError(17124, `The argument to $size must be an array, but was of type: ${typeName(value)}`);
    return value.length;
  }),
  $arrayElemAt: strict(2, 2, elementAt("$arrayElemAt")),
  $first: strict(1, 1, (value) => array("$first", value)[0]),
  $last: strict(1, 1, (value) => array("$last", value).at(-1)),
  $slice: { arity: [2, 3], apply: slice },
  $in: {
    arity: [2, 2],
    apply([value, list]) {
      if (!Array.isArray(list))
        throw new MongoServerError(40081, `$in requires an array as a second argument, found: ${typeName(list)}`);
      return list.some((item) => equalValues(item, value));
    },
  },
  $indexOfArray: strict(2, 4, (list, value, start = 0, end = ANY) => {
    const items = array("$indexOfArray", list);
    const found = items.findIndex((item, i) => i >= toNumber(start) && i < toNumber(end) && equalValues(item, value));
    return found;
  }),
  $concatArrays: strict(0, ANY, (...lists) => lists.flatMap((list) => array("$concatArrays", list))),
  $reverseArray: strict(1, 1, (list) => [...array("$reverseArray", list)].reverse()),
  $range: { arity: [2, 3], apply: ([start, end, step]) => range(start, end, step ?? 1) },
  $sortArray: { arity: [1, 1], apply: ([args]) => sortArray(args as Doc) },
  $mergeObjects: { arity: [0, ANY], apply: mergeObjects },
  $objectToArray: strict(1, 1, (value) => {
    if (!isDoc(value))
      throw new MongoServerError(40390, `$objectToArray requires a document input, found: ${typeName(value)}`);
    return Object.entries(value).map(([k, v]) => ({ k, v }));
  }),
  $arrayToObject: strict(1, 1, arrayToObject),
  $setUnion: strict(0, ANY, (...sets) => distinct(sets.flatMap((set) => array("$setUnion", set)))),
  $setIntersection: strict(1, ANY, (first, ...rest) => {
    const others = rest.map((set) => keysOf(set, "$setIntersection"));
    return distinct(array("$setIntersection", first)).filter((item) => others.every((keys) => keys.has(keyOf(item))));
  }),
  $setDifference: strict(2, 2, (a, b) => {
    const excluded = keysOf(b, "$setDifference");
    return distinct(array("$setDifference", a)).filter((item) => !excluded.has(keyOf(item)));
  }),
  $setIsSubset: strict(2, 2, (a, b) =>
    [...keysOf(a, "$setIsSubset")].every((key) => keysOf(b, "$setIsSubset").has(key)),
  ),
  $setEquals: strict(2, ANY, (first, ...rest) => {
    const keys = [...keysOf(first, "$setEquals")].sort().join();
    return rest.every((set) => [...keysOf(set, "$setEquals")].sort().join() === keys);
  }),
  $allElementsTrue: unary((list) => array("$allElementsTrue", list).every(truthy)),
  $anyElementTrue: unary((list) => array("$anyElementTrue", list).some(truthy)),
};

function truthy(value: unknown): boolean {
  return !missing(value) && value !== false && !(isNumeric(value) && toNumber(value) === 0);
}
