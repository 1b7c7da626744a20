import { eventsAffecting, type RegistryEvent } from "../../chain/registry/events";
import type { Unverified } from "../../chain/registry/fold";
import { wordMergesOf } from "../../chain/registry/foldWord";
import { positionOf } from "../../chain/registry/position";
import type { BlockRef, RegistryCollections } from "../../projection/models";
import type { Header } from "../rpc/block";
import type { CrashPointHook } from "./crashPoints";
import { eventDocument } from "./eventDocument";
import { insertFenced, overwriteFenced } from "./fencedWrites";
import { pruneTerms } from "./pruneTerms";
import { createTables, type Tables } from "./tables";
import type { Term } from "./term";

const STATUS_EVENTS = eventsAffecting("words");

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
  /** Marks the documents of a subject as unverified, until they are folded anew. */
  markUnverified(subject: string, unverified: Unverified): Promise<void>;
}

export interface WriterDeps {
  collections: RegistryCollections;
  term: Term;
  onCrashPoint: CrashPointHook;
}

interface WriterState extends WriterDeps {
  tables: Tables;
  /** Up to which number old blocks were removed. */
  blocksRemovedTo: number;
}

/** How many of the newest blocks are stored by number and hash, final or not. */
export const RETAINED_BLOCKS = 256;

/** Makes the writer of the index in this term. */
export function createProjectionWriter(deps: WriterDeps): ProjectionWriter {
  const { collections, term, onCrashPoint } = deps;
  const state: WriterState = { ...deps, tables: createTables(collections, term), blocksRemovedTo: 0 };
  return {
    commit: (batch, facts) => commit(state, batch, facts),
    async rewind(to) {
      await term.rewind(to);
      await onCrashPoint("cursor rewound");
      await dropAboveCursor(state);
    },
    async recover() {
      await dropAboveCursor(state);
      await pruneTerms(state);
    },
    async insertMissing(events) {
      await insertFenced(collections.events, eventDocuments(term, events), term.number);
      await onCrashPoint("log repaired");
      await refoldSubjects(state, new Set(events.map(({ subject }) => subject)));
    },
    async removeEvents(ids) {
      if (ids.length > 0) await collections.events.deleteMany({ _id: { $in: ids }, term: { $lte: term.number } });
    },
    refold: (subjects) => refoldSubjects(state, subjects),
    refoldWords: (ids) => state.tables.words.refold(ids),
    markUnverified: (subject, reason) => markUnverified(state, subject, reason),
  };
}

async function commit(state: WriterState, { headers, events }: Batch, facts: CommitFacts): Promise<void> {
  const { collections, term, tables, onCrashPoint } = state;
  const { head, finalizedNumber = term.checkpoint.finalizedNumber } = facts;
  const last = headers.at(-1);
  if (last === undefined) return;
  if (events.length > 0) {
    await insertFenced(collections.events, eventDocuments(term, events), term.number);
    await onCrashPoint("events written");
    for (const table of allOf(tables)) await table.apply(events);
    await onCrashPoint("projection written");
  }
  await writeBlocks(state, headers, { newest: Math.max(head?.number ?? 0, last.number), finalizedNumber });
  await onCrashPoint("blocks written");
  const indexed = { number: last.number, hash: last.hash, minedAt: last.minedAt };
  await term.write({ indexed, finalizedNumber, ...(head && { head }) });
  await onCrashPoint("cursor written");
}

async function writeBlocks(
  state: WriterState,
  headers: Header[],
  { newest, finalizedNumber }: { newest: number; finalizedNumber: number },
): Promise<void> {
  const { collections, term } = state;
  const removedTo = Math.min(newest - RETAINED_BLOCKS, finalizedNumber);
  const retained = headers.filter(({ number }) => number > removedTo);
  const documents = retained.map(({ number, hash, parentHash, minedAt }) => {
    return { _id: String(number), number, hash, parentHash, minedAt, term: term.number };
  });
  await overwriteFenced(collections.blocks, documents, term.number);
  if (removedTo - state.blocksRemovedTo < RETAINED_BLOCKS / 4) return;
  await collections.blocks.deleteMany({ number: { $lte: removedTo }, term: { $lte: term.number } });
  state.blocksRemovedTo = removedTo;
}

async function dropAboveCursor(state: WriterState): Promise<void> {
  const { collections, term, tables, onCrashPoint } = state;
  for (const table of allOf(tables)) table.clearCache();
  state.blocksRemovedTo = 0;
  const number = term.checkpoint.indexed?.number ?? -1;
  const above = { position: { $gte: positionOf(number + 1, 0) }, term: { $lte: term.number } };
  await collections.events.deleteMany(above);
  await onCrashPoint("events dropped");

  for (const table of allOf(tables)) {
    if (number < 0) await table.clear();
    else await table.refold(await table.changedAbove(number));
  }
  await onCrashPoint("projection refolded");

  await collections.blocks.deleteMany({ number: { $gt: number }, term: { $lte: term.number } });
  await onCrashPoint("blocks dropped");
}

async function refoldSubjects({ collections, tables }: WriterState, subjects: Iterable<string>): Promise<void> {
  const all = [...subjects];
  await tables.dids.refold(all);
  await tables.issuers.refold(all);
  const filter = { subject: { $in: all }, name: { $in: STATUS_EVENTS } };
  const ids = new Set<string>();
  for await (const event of collections.events.find(filter)) for (const { id } of wordMergesOf(event)) ids.add(id);
  const stored = collections.words.find({ issuer: { $in: all } }, { projection: { _id: 1 } });
  for await (const { _id } of stored) ids.add(_id);
  await tables.words.refold(ids);
}

async function markUnverified(state: WriterState, subject: string, unverified: Unverified): Promise<void> {
  const { collections, term, tables } = state;
  // The next event would write what is cached over the mark.
  for (const table of allOf(tables)) table.clearCache();
  const filter = { _id: subject, term: { $lte: term.number } };
  const change = { $set: { unverified, term: term.number } };
  await collections.dids.updateOne(filter, change);
  await collections.issuers.updateOne(filter, change);
}

function allOf({ dids, issuers, words }: Tables) {
  return [dids, issuers, words];
}

function eventDocuments(term: Term, events: RegistryEvent[]) {
  return events.map((event) => eventDocument(term, event));
}
