import type { Collection } from "../store/collection";
import type { StoredRecord } from "../store/record";
import { compileMatch } from "./match";
import { planQuery } from "./plan";
import { parseSort, sortDocuments } from "./sort";
import { type Doc, isDoc } from "../bson/values";

export interface Query {
  filter: Doc;
  sort?: Doc;
  skip?: number;
  /** 0 means all. */
  limit?: number;
  /** An index to use, by name or key, or `{ $natural: ±1 }`. */
  hint?: unknown;
}

/** The records a query selects, in order. The list is complete: later changes do not alter it. */
export function selectRecords(collection: Collection | undefined, query: Query): StoredRecord[] {
  const { filter, skip = 0, limit = 0 } = query;
  const sort = parseSort(withoutNatural(query.sort ?? {}));
  const matches = compileMatch(filter);
  if (!collection) return [];
  const plan = planQuery(collection, filter, sort, query.hint);
  const enough = plan.sorted && limit > 0 ? skip + limit : Number.POSITIVE_INFINITY;
  const found: StoredRecord[] = [];
  for (const record of plan.candidates()) {
    if (!matches(record.document)) continue;
    found.push(record);
    if (found.length >= enough) break;
  }
  const natural = isReversed(query.sort) || isReversed(query.hint) ? found.reverse() : found;
  const ordered = plan.sorted ? natural : sortDocuments(natural, sort, (record) => record.document);
  return limit > 0 || skip > 0 ? ordered.slice(skip, limit > 0 ? skip + limit : undefined) : ordered;
}

const isReversed = (order: unknown): boolean => isDoc(order) && order.$natural === -1;

/** `$natural` is the order in which records are stored; only its direction matters. */
function withoutNatural(sort: Doc): Doc {
  const { $natural, ...rest } = sort;
  return $natural === undefined ? sort : rest;
}
