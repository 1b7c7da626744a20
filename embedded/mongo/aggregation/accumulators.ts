import { MongoServerError } from "../errors";
import { type Expression, type Variables, compileExpression } from "./expressions";
import { averageOf, extremeOf, sumOf } from "./arithmetic";
import { mergeObjects } from "./arrayOperators";
import { arithmetic, asDouble } from "../bson/numbers";
import { type Doc, isDoc, isNumeric, toNumber } from "../bson/values";
import { keyOf } from "../bson/order";

/** Gathers one output field of a group, document by document. */
export interface Accumulator {
  add(value: unknown): void;
  result(): unknown;
}

/** Collects all values and computes the result at the end. */
function collecting(result: (values: unknown[]) => unknown): () => Accumulator {
  return () => {
    const values: unknown[] = [];
    return {
      add(value) {
        if (value !== undefined) values.push(value);
      },
      result: () => result(values),
    };
  };
}

function deviation(values: readonly unknown[], sample: boolean): unknown {
  const numbers = values.filter(isNumeric).map(toNumber);
  const degrees = sample ? numbers.length - 1 : numbers.length;
  if (degrees <= 0) return null;
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  return asDouble(Math.sqrt(numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / degrees));
}

function running(first: unknown, next: (before: unknown, value: unknown) => unknown): () => Accumulator {
  return () => {
    let state = first;
    return {
      add(value) {
        state = next(state, value);
      },
      result: () => state,
    };
  };
}

const ACCUMULATORS: Readonly<Record<string, () => Accumulator>> = {
  $sum: running(0, (sum, value) => sumOf([sum, value])),
  $avg: collecting(averageOf),
  $min: running(null, (least, value) => extremeOf([least, value], 1)),
  $max: running(null, (most, value) => extremeOf([most, value], -1)),
  $first: () => {
    let first: unknown;
    let seen = false;
    return {
      add(value) {
        if (!seen) first = value;
        seen = true;
      },
      result: () => first,
    };
  },
  $last: running(undefined, (_, value) => value),
  $push: collecting((values) => values),
  $addToSet: () => {
    const values = new Map<string, unknown>();
    return {
      add(value) {
        if (value !== undefined && !values.has(keyOf(value))) values.set(keyOf(value), value);
      },
      result: () => [...values.values()],
    };
  },
  $mergeObjects: running({}, (merged, value) => mergeObjects([merged, value])),
  $count: running(0, (count) => arithmetic("add", count, 1)),
  $stdDevPop: collecting((values) => deviation(values, false)),
  $stdDevSamp: collecting((values) => deviation(values, true)),
};

/** One computed field of `$group`. */
export interface GroupField {
  readonly name: string;
  readonly evaluate: Expression;
  start(): Accumulator;
}

/** Compiles the computed fields of `$group` or `$bucket`. */
export function compileGroupFields(specification: Doc): GroupField[] {
  return Object.entries(specification).map(([name, field]) => compileGroupField(name, field));
}

/**
 * Compiles `{ <field>: { <accumulator>: <expression> } }` of `$group`.
 *
 * @throws MongoServerError 40234 for no accumulator object, 15952 for one that is not known here.
 */
function compileGroupField(name: string, specification: unknown): GroupField {
  const entries = isDoc(specification) ? Object.entries(specification) : [];
  const [entry] = entries;
  if (!entry) throw new MongoServerError(40234, `The field '${name}' must be an accumulator object`);
  if (entries.length > 1) throw new MongoServerError(40238, `The field '${name}' must specify one accumulator`);
  if (name.includes(".")) throw new MongoServerError(40235, `The field name '${name}' cannot contain '.'`);
  const [operator, argument] = entry;
  const start = ACCUMULATORS[operator];
  if (!start) throw new MongoServerError(15952, `unknown group operator '${operator}'`);
  const evaluate = operator === "$count" ? () => 1 : compileExpression(argument);
  return { name, evaluate, start };
}

/** Groups documents by the value `idOf` gives; in order of each group's first document. */
export function groupDocuments(
  documents: Iterable<Doc>,
  idOf: Expression,
  fields: readonly GroupField[],
  variables: Variables,
): Doc[] {
  const groups = new Map<string, { id: unknown; state: Accumulator[] }>();
  for (const root of documents) {
    const scope = { root, variables };
    const id = idOf(scope) ?? null;
    const key = keyOf(id);
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { id, state: fields.map((field) => field.start()) }));
    for (const [i, field] of fields.entries()) group.state[i]?.add(field.evaluate(scope));
  }
  return [...groups.values()].map(({ id, state }) => {
    const result: Doc = { _id: id };
    for (const [i, field] of fields.entries()) result[field.name] = state[i]?.result() ?? null;
    return result;
  });
}
