import { type RegistryEvent, STATUS_EVENTS } from "../../chain/registry/events";
import { positionOf } from "../../chain/registry/position";
import type { DidState, Doubt, IssuerState } from "../../chain/registry/fold";
import type { WordState } from "../../chain/registry/foldWord";
import { concernsDid, concernsIssuer, foldDid, foldIssuer } from "../../chain/registry/fold";
import { foldWord, wordIdsOf } from "../../chain/registry/foldWord";
import type { BlockRef, EventDocument, RegistryCollections } from "../../projection/models";
import { refoldDid, refoldIssuer, refoldWords } from "../../projection/refold";
import type { Header } from "../rpc/block";
import type { Term } from "./lease";
import { insertFenced, overwriteFenced } from "./fencedWrites";
import { pruneTerms } from "./pruneTerms";
import type { CrashPointHook } from "./crashPoints";
import { createTable } from "./table";

/** Blocks and their decoded events, ready to be written. */
export interface Batch {
  headers: Header[];
  events: RegistryEvent[];
}

/** What is written into the checkpoint beside the cursor. */
export interface CommitFacts {
  head?: BlockRef & { seenAt: Date };
  finalizedNumber?: number;
}

/**
 * Writes the index in one term. Every write is repeatable, and their order makes an interruption at any point harmless:
 * events, projection, blocks, then the cursor, by which all of them begin to count.
 */
export interface ProjectionWriter {
  /** Adds blocks that follow the cursor. @throws LeaseLostError */
  commit(batch: Batch, facts: CommitFacts): Promise<void>;
  /** Drops everything above a block (everything at all when null) and folds anew what that touched. @throws LeaseLostError */
  rewind(to: BlockRef | null): Promise<void>;
  /** Removes what an interrupted run left above the cursor. @throws LeaseLostError */
  recover(): Promise<void>;
  /** Adds events that were missing below the cursor and folds their subjects anew. @throws LeaseLostError */
  insertMissing(events: RegistryEvent[]): Promise<void>;
  /** Removes events that no block has; their subjects are to be folded anew. */
  removeEvents(ids: string[]): Promise<void>;
  /** Folds some subjects anew from the events in the index. @throws LeaseLostError */
  refold(subjects: Iterable<string>): Promise<void>;
  /** Folds some words anew, by their `_id`s. @throws LeaseLostError */
  refoldWords(ids: Iterable<string>): Promise<void>;
  /** Marks what is known of a subject as unverified, until it is folded anew. */
  doubt(subject: string, doubt: Doubt): Promise<void>;
}

/** How many of the newest blocks are kept by number and hash, final or not. */
export const KEPT_BLOCKS = 256;

/** Opens the index for writing in this term. */
export function createProjectionWriter(options: {
  collections: RegistryCollections;
  term: Term;
  onCrashPoint: CrashPointHook;
}): ProjectionWriter {
  const { collections, term, onCrashPoint } = options;
  const { chainId } = term.checkpoint;
  const dids = createTable<DidState>({
    collection: collections.dids,
    term,
    keysOf: (event) => (concernsDid(event) ? [event.subject] : []),
    fold: (_address, before, event) => foldDid(before, event),
    refold: (keys) => eachOf(keys, (address) => refoldDid(collections, term.checkpoint, address)),
  });
  const issuers = createTable<IssuerState>({
    collection: collections.issuers,
    term,
    keysOf: (event) => (concernsIssuer(event) ? [event.subject] : []),
    fold: (_address, before, event) => foldIssuer(before, event),
    refold: (keys) => eachOf(keys, (address) => refoldIssuer(collections, term.checkpoint, address)),
  });
  const words = createTable<WordState>({
    collection: collections.words,
    term,
    keysOf: wordIdsOf,
    fold: foldWord,
    refold: (keys) => refoldWords(collections, term.checkpoint, keys),
  });
  const tables = [dids, issuers, words];
  let prunedTo = 0;

  const documentOf = (event: RegistryEvent): EventDocument => ({
    _id: eventIdOf(chainId, event),
    ...event,
    position: positionOf(event.blockNumber, event.logIndex),
    term: term.number,
  });

  async function writeBlocks(headers: Header[], newest: number, finalizedNumber: number): Promise<void> {
    const from = Math.min(newest - KEPT_BLOCKS, finalizedNumber);
    const kept = headers.filter(({ number }) => number > from);
    const documents = kept.map(({ number, hash, parentHash, minedAt }) => {
      return { _id: String(number), number, hash, parentHash, minedAt, term: term.number };
    });
    await overwriteFenced(collections.blocks, documents, term.number);
    if (from - prunedTo < KEPT_BLOCKS / 4) return;
    await collections.blocks.deleteMany({ number: { $lte: from }, term: { $lte: term.number } });
    prunedTo = from;
  }

  async function dropAboveCursor(): Promise<void> {
    for (const table of tables) table.forget();
    prunedTo = 0;
    const number = term.checkpoint.indexed?.number ?? -1;
    const above = { position: { $gte: positionOf(number + 1, 0) }, term: { $lte: term.number } };
    await collections.events.deleteMany(above);
    await onCrashPoint("events dropped");

    for (const table of tables) {
      if (number < 0) await table.clear();
      else await table.refold(await table.changedAbove(number));
    }
    await onCrashPoint("projection refolded");

    await collections.blocks.deleteMany({ number: { $gt: number }, term: { $lte: term.number } });
    await onCrashPoint("blocks dropped");
  }

  async function refold(subjects: Iterable<string>): Promise<void> {
    const all = [...subjects];
    await dids.refold(all);
    await issuers.refold(all);
    const filter = { subject: { $in: all }, name: { $in: [...STATUS_EVENTS] } };
    const ids = new Set<string>();
    for await (const event of collections.events.find(filter)) for (const id of wordIdsOf(event)) ids.add(id);
    const stored = collections.words.find({ issuer: { $in: all } }, { projection: { _id: 1 } });
    for await (const { _id } of stored) ids.add(_id);
    await words.refold(ids);
  }

  return {
    async commit({ headers, events }, { head, finalizedNumber = term.checkpoint.finalizedNumber }) {
      const last = headers.at(-1);
      if (last === undefined) return;
      if (events.length > 0) {
        await insertFenced(collections.events, events.map(documentOf), term.number);
        await onCrashPoint("events written");
        for (const table of tables) await table.apply(events);
        await onCrashPoint("projection written");
      }
      await writeBlocks(headers, Math.max(head?.number ?? 0, last.number), finalizedNumber);
      await onCrashPoint("blocks written");
      const indexed = { number: last.number, hash: last.hash, minedAt: last.minedAt };
      await term.write({ indexed, finalizedNumber, ...(head && { head }) });
      await onCrashPoint("cursor written");
    },
    async rewind(to) {
      await term.rewind(to);
      await onCrashPoint("cursor rewound");
      await dropAboveCursor();
    },
    async recover() {
      await dropAboveCursor();
      const refold = { dids: dids.refold, issuers: issuers.refold, words: words.refold };
      await pruneTerms({ collections, term, refold });
    },
    async removeEvents(ids) {
      if (ids.length > 0) await collections.events.deleteMany({ _id: { $in: ids }, term: { $lte: term.number } });
    },
    async insertMissing(events) {
      await insertFenced(collections.events, events.map(documentOf), term.number);
      await onCrashPoint("log repaired");
      await refold(new Set(events.map(({ subject }) => subject)));
    },
    refold,
    refoldWords: (ids) => words.refold(ids),
    async doubt(subject, unverified) {
      const mine = { _id: subject, term: { $lte: term.number } };
      const change = { $set: { unverified, term: term.number } };
      // What is in memory would be written over the mark by the next event.
      for (const table of tables) table.forget();
      await collections.dids.updateOne(mine, change);
      await collections.issuers.updateOne(mine, change);
    },
  };
}

/** The `_id` of an event's document. */
export function eventIdOf(chainId: number, { blockHash, logIndex }: { blockHash: string; logIndex: number }): string {
  return `${chainId}:${blockHash}:${logIndex}`;
}

async function eachOf<State>(
  keys: Iterable<string>,
  refoldOne: (key: string) => Promise<State | null>,
): Promise<Map<string, State>> {
  const states = new Map<string, State>();
  for (const key of keys) {
    const state = await refoldOne(key);
    if (state !== null) states.set(key, state);
  }
  return states;
}
