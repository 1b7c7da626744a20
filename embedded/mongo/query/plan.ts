import { type Demand, demandsOf, excludesMissing, implies } from "./bounds";
import type { Collection } from "../store/collection";
import { badValue } from "../errors";
import type { FieldIndex } from "../store/fieldIndex";
import type { StoredRecord } from "../store/record";
import type { IndexKey } from "../store/indexKeys";
import type { SortField } from "./sort";
import { type Doc, bracketOf, isDoc } from "../bson/values";
import { compareValues, identical } from "../bson/order";

/** How the candidates of a query are found. They are a superset: each must still be matched. */
export interface Plan {
  readonly stage: "COLLSCAN" | "IXSCAN" | "OR";
  readonly indexName?: string;
  /** Whether the candidates come in the order asked for. */
  readonly sorted: boolean;
  candidates(): Iterable<StoredRecord>;
}

/** Past this many equality lookups in one index, fewer of its fields are used. */
const MAX_POINTS = 4096;

/**
 * Chooses an index for a filter and a sort: the most equalities first, then a range, then the order; or takes the one
 * that `hint` names.
 *
 * @throws MongoServerError BadValue when the hint names no index, or a partial one that the filter does not imply.
 */
export function planQuery(collection: Collection, filter: Doc, sort: readonly SortField[], hint?: unknown): Plan {
  const demands = demandsOf(filter);
  const hinted = hintedIndex(collection, hint);
  if (hinted) return planIndex(hinted, demands, sort, true) ?? refuseHint();
  const isNatural = isDoc(hint) && "$natural" in hint;
  let best: IndexPlan | undefined;
  for (const index of isNatural ? [] : collection.indexes.values()) {
    const plan = planIndex(index, demands, sort, false);
    if (plan && (!best || plan.score > best.score)) best = plan;
  }
  const narrowed = best !== undefined && best.score >= SCORE.range;
  const union = narrowed || isNatural ? undefined : planOr(collection, filter, sort);
  return union ?? best ?? { stage: "COLLSCAN", sorted: sort.length === 0, candidates: () => collection.all() };
}

function hintedIndex(collection: Collection, hint: unknown): FieldIndex | undefined {
  if (hint === undefined || (isDoc(hint) && ("$natural" in hint || Object.keys(hint).length === 0))) return undefined;
  const found = [...collection.indexes.values()].find(({ spec }) => hint === spec.name || identical(hint, spec.key));
  return found ?? refuseHint();
}

function refuseHint(): never {
  throw badValue(
    "error processing query: planner returned error :: caused by :: hint provided does not correspond to an existing index",
  );
}

function planOr(collection: Collection, filter: Doc, sort: readonly SortField[]): Plan | undefined {
  if (!Array.isArray(filter.$or) || filter.$or.length === 0) return undefined;
  const plans = filter.$or.map((branch) => (isDoc(branch) ? planQuery(collection, branch, []) : undefined));
  if (!plans.every((plan) => plan !== undefined && plan.stage !== "COLLSCAN")) return undefined;
  return {
    stage: "OR",
    sorted: sort.length === 0,
    candidates: () => new Set(plans.flatMap((plan) => [...(plan as Plan).candidates()])),
  };
}

const SCORE = { unique: 1000, equality: 10, range: 5, order: 3 };

interface IndexPlan extends Plan {
  readonly score: number;
}

function planIndex(
  index: FieldIndex,
  demands: ReadonlyMap<string, Demand>,
  sort: readonly SortField[],
  isHinted: boolean,
): IndexPlan | undefined {
  const { spec, fields } = index;
  if (spec.partialFilterExpression && !implies(demands, spec.partialFilterExpression)) return undefined;
  // A hinted sparse index is used although it leaves documents out, as in MongoDB.
  if (spec.sparse && !isHinted && !fields.some(({ path }) => excludesMissing(demands.get(path)))) return undefined;
  const prefix = pointsOf(index, demands);
  const combinations = cartesian(prefix);
  const depth = prefix.length;
  const next = fields[depth];
  const range = next && rangeOf(index, demands.get(next.path));
  // Whether an index is multikey is asked late: the answer makes its entries.
  const direction = sort.length > 0 ? orderedBy(index, prefix, sort) : undefined;
  const complete = depth === fields.length;
  const score =
    (complete && spec.unique ? SCORE.unique : 0) +
    depth * SCORE.equality +
    (range ? SCORE.range : 0) +
    (direction !== undefined ? SCORE.order : 0);
  if (score === 0 && !isHinted) return undefined;
  const candidates = function* (): Generator<StoredRecord> {
    for (const key of combinations) {
      if (complete) yield* index.equalTo(key);
      else yield* scan(index, key, range, direction === -1);
    }
  };
  return {
    stage: "IXSCAN",
    indexName: spec.name,
    score,
    sorted: sort.length === 0 || direction !== undefined,
    candidates: () => (index.isMultikey ? new Set(candidates()) : candidates()),
  };
}

function* scan(
  index: FieldIndex,
  prefix: IndexKey,
  range: RangeOrder | undefined,
  backwards: boolean,
): Generator<StoredRecord> {
  const { order, fields } = index;
  const direction = fields[prefix.length]?.direction ?? 1;
  const place = (key: IndexKey): number =>
    order.compare(key, prefix) || (range ? range(key[prefix.length]) * direction : 0);
  const first = order.find((key) => place(key) < 0);
  const last = order.find((key) => place(key) <= 0);
  for (const entry of order.between(first, last, backwards)) yield entry.record;
}

/** The points demanded of the index's leading fields, as many as stay within {@link MAX_POINTS} lookups. */
function pointsOf(index: FieldIndex, demands: ReadonlyMap<string, Demand>): (readonly unknown[])[] {
  const prefix: (readonly unknown[])[] = [];
  let lookups = 1;
  for (const { path } of index.fields) {
    const points = demands.get(path)?.points;
    if (!points) break;
    lookups *= points.length;
    if (lookups > MAX_POINTS && prefix.length > 0) break;
    prefix.push(points.length > 1 ? distinctPoints(points) : points);
  }
  return prefix;
}

function distinctPoints(points: readonly unknown[]): unknown[] {
  return [...points].sort(compareValues).filter((point, i, all) => i === 0 || compareValues(point, all[i - 1]) !== 0);
}

function cartesian(lists: readonly (readonly unknown[])[]): IndexKey[] {
  return lists.reduce<unknown[][]>((keys, list) => keys.flatMap((key) => list.map((item) => [...key, item])), [[]]);
}

/** Where a value lies: below the range (-1), in it (0) or above it (1), in ascending order. */
type RangeOrder = (value: unknown) => number;

function rangeOf(index: FieldIndex, demand: Demand | undefined): RangeOrder | undefined {
  if (!demand || demand.points) return undefined;
  const { low } = demand;
  // With arrays, one element may meet the lower bound and another the upper: only one of them narrows the index.
  const high = low && index.isMultikey ? undefined : demand.high;
  const bound = low ?? high;
  if (!bound) return undefined;
  const bracket = bracketOf(bound.value);
  return (value) => {
    const type = bracketOf(value);
    if (type !== bracket) return type < bracket ? -1 : 1;
    const fromLow = low ? compareValues(value, low.value) : 1;
    if (fromLow < 0 || (fromLow === 0 && !low?.inclusive)) return -1;
    const fromHigh = high ? compareValues(value, high.value) : -1;
    return fromHigh > 0 || (fromHigh === 0 && !high?.inclusive) ? 1 : 0;
  };
}

/** Whether walking the index forwards (1) or backwards (-1) gives the order asked for; undefined when neither does. */
function orderedBy(
  index: FieldIndex,
  prefix: readonly (readonly unknown[])[],
  sort: readonly SortField[],
): 1 | -1 | undefined {
  if (prefix.some((points) => points.length !== 1)) return undefined;
  const fixed = new Set(index.fields.slice(0, prefix.length).map(({ path }) => path));
  const wanted = sort.filter(({ path }) => !fixed.has(path));
  const offered = index.fields.slice(prefix.length);
  let walk: 1 | -1 | undefined;
  for (const [i, field] of wanted.entries()) {
    const offer = offered[i];
    if (offer?.path !== field.path) return undefined;
    const direction = offer.direction === field.direction ? 1 : -1;
    if (walk !== undefined && walk !== direction) return undefined;
    walk = direction;
  }
  return index.isMultikey ? undefined : (walk ?? 1);
}
