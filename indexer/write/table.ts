import type { mongo } from "mongoose";
import type { RegistryEvent } from "../../chain/registry/events";
import { blockOf, positionOf } from "../../chain/registry/position";
import { countsIn } from "../../projection/models";
import type { Term } from "./lease";
import { overwriteFenced, replaceFenced } from "./fencedWrites";
import { remember } from "./lru";

/** A stored state: its key, and in which term it was written. */
export type Row<State> = State & { _id: string; term: number };

/** One collection of the projection, whose documents are folded from events. */
export interface Table {
  /** Folds events of the next blocks into the stored states. @throws LeaseLostError */
  apply(events: RegistryEvent[]): Promise<void>;
  /** Folds these keys anew from the events in the index; what no event speaks of is removed. @throws LeaseLostError */
  refold(keys: Iterable<string>): Promise<void>;
  /** Removes every document that this term or a former one wrote. */
  clear(): Promise<void>;
  /** Keys whose last event is above a block. */
  changedAbove(blockNumber: number): Promise<string[]>;
  /** Forgets what is in memory: something was written past it. */
  forget(): void;
}

/** Makes a table of the projection, written in one term. */
export function createTable<State extends { position: number }>(options: {
  collection: mongo.Collection<Row<State>>;
  term: Term;
  /** The keys of the documents that an event changes. */
  keysOf(event: RegistryEvent): string[];
  fold(key: string, before: State | null, event: RegistryEvent): State | null;
  /** States folded anew from the events in the index; keys that no event speaks of are left out. */
  refold(keys: Iterable<string>): Promise<Map<string, State>>;
}): Table {
  const { term } = options;
  // A State is generic here, and the driver's filter types want to know its fields: the two shared by all rows suffice.
  const collection = options.collection as unknown as mongo.Collection<Row<{ position: number }>>;
  // This process is the only writer: what it folded is what is stored, until something fails and its term ends.
  const memory = remember<State | null>();

  const rowOf = (key: string, state: State) => ({ _id: key, ...state, term: term.number });

  /** A batch holds its states itself: however many it touches, none is forgotten before it is written. */
  async function load(keys: Set<string>): Promise<Map<string, State | null>> {
    const states = new Map<string, State | null>();
    const unknown: string[] = [];
    for (const key of keys) {
      const known = memory.get(key);
      if (known === undefined) unknown.push(key);
      states.set(key, known ?? null);
    }
    if (unknown.length === 0) return states;
    const uncommitted: string[] = [];
    for await (const row of collection.find({ _id: { $in: unknown } })) {
      const { _id, term: writtenIn, ...state } = row;
      if (countsIn(term.checkpoint, writtenIn, blockOf(state.position))) states.set(_id, state as unknown as State);
      else uncommitted.push(_id);
    }
    for (const [key, state] of await options.refold(uncommitted)) states.set(key, state);
    return states;
  }

  return {
    async apply(events) {
      const changes = events.flatMap((event) => options.keysOf(event).map((key) => ({ key, event })));
      if (changes.length === 0) return;
      const states = await load(new Set(changes.map(({ key }) => key)));
      for (const { key, event } of changes) states.set(key, options.fold(key, states.get(key) ?? null, event));
      const rows = [...states].flatMap(([key, state]) => (state === null ? [] : [rowOf(key, state)]));
      await replaceFenced(collection, rows, term.number);
      for (const [key, state] of states) memory.set(key, state);
    },
    async refold(keys) {
      memory.clear();
      const wanted = [...keys];
      const states = await options.refold(wanted);
      const rows = [...states].map(([key, state]) => rowOf(key, state));
      await overwriteFenced(collection, rows, term.number);
      const gone = wanted.filter((key) => !states.has(key));
      if (gone.length > 0) await collection.deleteMany({ _id: { $in: gone }, term: { $lte: term.number } });
    },
    async clear() {
      memory.clear();
      await collection.deleteMany({ term: { $lte: term.number } });
    },
    async changedAbove(blockNumber) {
      const filter = { position: { $gte: positionOf(blockNumber + 1, 0) } };
      const rows = await collection.find(filter, { projection: { _id: 1 } }).toArray();
      return rows.map(({ _id }) => _id);
    },
    forget: () => memory.clear(),
  };
}
