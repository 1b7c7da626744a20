import type { mongo } from "mongoose";
import type { RegistryEvent } from "../../chain/registry/events";
import { blockOf, positionOf } from "../../chain/registry/position";
import { createLruCache, type LruCache } from "../../core/lruCache";
import { countsIn } from "../../projection/models";
import { overwriteFenced, replaceFenced } from "./fencedWrites";
import type { Term } from "./term";

/** A stored state: its key, and in which term it was written. */
export type Row<State> = State & { _id: string; term: number };

/** One collection of the projection, whose documents are folded from events. */
export interface Table {
  /** Folds events of the next blocks into the stored states. @throws LeaseLostError */
  apply(events: RegistryEvent[]): Promise<void>;
  /** Folds these keys anew from the events in the index; a document without any event is removed. @throws LeaseLostError */
  refold(keys: Iterable<string>): Promise<void>;
  /** Removes every document that this term or a former one wrote. */
  clear(): Promise<void>;
  /** Keys whose last event is above a block. */
  changedAbove(blockNumber: number): Promise<string[]>;
  /** Empties the cache: something was written without it. */
  clearCache(): void;
}

/** What an event does to one document. */
export interface Step<State> {
  key: string;
  /** The state after it; `before` is null when there was none. */
  fold(before: State | null): State | null;
}

export interface TableDeps<State extends { position: number }> {
  collection: mongo.Collection<Row<State>>;
  term: Term;
  /** What an event does to documents, in its order. */
  stepsOf(event: RegistryEvent): Step<State>[];
  /** States folded anew from the events in the index; keys without any event are left out. */
  refold(keys: Iterable<string>): Promise<Map<string, State>>;
}

interface TableState<State extends { position: number }> extends Omit<TableDeps<State>, "collection"> {
  // A State is generic here, and the driver's filter types want to know its fields: the two shared by all rows suffice.
  collection: mongo.Collection<Row<{ position: number }>>;
  /** This process is the only writer: what it folded is what is stored, until something fails and its term ends. */
  cache: LruCache<State | null>;
}

const MAX_CACHED_STATES = 10_000;

function emptyCache<State>(): LruCache<State | null> {
  return createLruCache(MAX_CACHED_STATES);
}

/** Makes a table of the projection, written in one term. */
export function createTable<State extends { position: number }>(deps: TableDeps<State>): Table {
  const collection = deps.collection as unknown as TableState<State>["collection"];
  const table: TableState<State> = { ...deps, collection, cache: emptyCache() };
  return {
    apply: (events) => apply(table, events),
    refold: (keys) => refold(table, [...keys]),
    async clear() {
      table.cache = emptyCache();
      await collection.deleteMany({ term: { $lte: deps.term.number } });
    },
    async changedAbove(blockNumber) {
      const filter = { position: { $gte: positionOf(blockNumber + 1, 0) } };
      const rows = await collection.find(filter, { projection: { _id: 1 } }).toArray();
      return rows.map(({ _id }) => _id);
    },
    clearCache() {
      table.cache = emptyCache();
    },
  };
}

async function apply<State extends { position: number }>(
  table: TableState<State>,
  events: RegistryEvent[],
): Promise<void> {
  const steps = events.flatMap((event) => table.stepsOf(event));
  if (steps.length === 0) return;
  const states = await load(table, new Set(steps.map(({ key }) => key)));
  for (const { key, fold } of steps) states.set(key, fold(states.get(key) ?? null));
  await replaceFenced(table.collection, rowsOf(table, states), table.term.number);
  for (const [key, state] of states) table.cache.set(key, state);
}

async function refold<State extends { position: number }>(table: TableState<State>, keys: string[]): Promise<void> {
  const { collection, term } = table;
  table.cache = emptyCache();
  const states = await table.refold(keys);
  await overwriteFenced(collection, rowsOf(table, states), term.number);
  const gone = keys.filter((key) => !states.has(key));
  if (gone.length > 0) await collection.deleteMany({ _id: { $in: gone }, term: { $lte: term.number } });
}

/**
 * The states of these keys as of the cursor, null where there is none. They are returned apart from the cache, which may
 * evict some of them before a large batch is written.
 */
async function load<State extends { position: number }>(
  table: TableState<State>,
  keys: Set<string>,
): Promise<Map<string, State | null>> {
  const states = new Map<string, State | null>();
  const unknown: string[] = [];
  for (const key of keys) {
    const known = table.cache.get(key);
    if (known === undefined) unknown.push(key);
    states.set(key, known ?? null);
  }
  if (unknown.length === 0) return states;
  const uncommitted: string[] = [];
  for await (const { _id, term, ...state } of table.collection.find({ _id: { $in: unknown } })) {
    const counts = countsIn(table.term.checkpoint, term, blockOf(state.position));
    if (counts) states.set(_id, state as unknown as State);
    else uncommitted.push(_id);
  }
  for (const [key, state] of await table.refold(uncommitted)) states.set(key, state);
  return states;
}

function rowsOf<State extends { position: number }>(
  { term }: TableState<State>,
  states: Map<string, State | null>,
): Row<State>[] {
  return [...states].flatMap(([_id, state]) => (state === null ? [] : [{ _id, ...state, term: term.number }]));
}
