import type { mongo } from "mongoose";
import { blockOf } from "../../chain/registry/position";
import { type CheckpointDocument, countsIn, type RegistryCollections } from "../../projection/models";
import { refoldDid, refoldIssuer, refoldWords } from "../../projection/refold";
import type { AuditedEvents } from "./auditEvents";
import { type Difference, differencesOf, type Report } from "./difference";
import type { Source } from "../rpc/source";
import { headersAt } from "../rpc/headers";

type Stored = Record<string, unknown> & { _id: string; term: number; position: number };
type Refold = (ids: string[]) => Promise<Map<string, object>>;

/** So many documents are compared at once. */
const PAGE = 100;
/** An index that is being written meanwhile is looked at again before a difference is believed. */
const LOOKS = 3;

/** Compares every document of the projection, field by field, with what the stored events say. */
export async function auditProjection(options: {
  collections: RegistryCollections;
  readCheckpoint(): Promise<CheckpointDocument>;
  audited: AuditedEvents;
  report: Report;
  /** Told what the events say of some documents, to be held against the chain. */
  onStates(collection: Difference["collection"], states: Map<string, object>): Promise<void>;
}): Promise<number> {
  const { collections, readCheckpoint, audited } = options;
  const each =
    <State extends object>(
      refold: (from: RegistryCollections, checkpoint: CheckpointDocument, id: string) => Promise<State | null>,
    ): Refold =>
    async (ids) => {
      const states = new Map<string, object>();
      const checkpoint = await readCheckpoint();
      for (const id of ids) {
        const state = await refold(collections, checkpoint, id);
        if (state !== null) states.set(id, state);
      }
      return states;
    };
  const refolds: [Difference["collection"], mongo.Collection<never>, Refold, Set<string>][] = [
    ["dids", collections.dids as never, each(refoldDid), audited.subjects],
    ["issuers", collections.issuers as never, each(refoldIssuer), audited.subjects],
    [
      "status_words",
      collections.words as never,
      async (ids) => refoldWords(collections, await readCheckpoint(), ids),
      audited.words,
    ],
  ];
  let documents = 0;
  for (const [collection, stored, refold, spokenOf] of refolds) {
    const typed = stored as unknown as mongo.Collection<Stored>;
    const ids = new Set(spokenOf);
    for await (const { _id } of typed.find({}, { projection: { _id: 1 } })) ids.add(_id);
    const all = [...ids];
    for (let from = 0; from < all.length; from += PAGE) {
      documents += await comparePage({
        ...options,
        collection,
        stored: typed,
        refold,
        ids: all.slice(from, from + PAGE),
      });
    }
  }
  return documents;
}

async function comparePage(options: {
  collection: Difference["collection"];
  stored: mongo.Collection<Stored>;
  refold: Refold;
  ids: string[];
  readCheckpoint(): Promise<CheckpointDocument>;
  report: Report;
  onStates(collection: Difference["collection"], states: Map<string, object>): Promise<void>;
}): Promise<number> {
  const { collection, stored, refold, readCheckpoint, report } = options;
  let ids = options.ids;
  let compared = 0;
  let found: Difference[] = [];
  for (let look = 0; look < LOOKS && ids.length > 0; look += 1) {
    const checkpoint = await readCheckpoint();
    const rows = new Map<string, Record<string, unknown>>();
    for await (const { _id, term, ...state } of stored.find({ _id: { $in: ids } })) {
      if (countsIn(checkpoint, term, blockOf(state.position))) rows.set(_id, state);
    }
    const expected = await refold(ids);
    if (look === 0) await options.onStates(collection, expected);
    compared = Math.max(compared, expected.size);
    found = ids.flatMap((id) => {
      const should = expected.get(id) as Record<string, unknown> | undefined;
      return differencesOf({ collection, id }, rows.get(id) ?? null, should ?? null);
    });
    ids = [...new Set(found.map(({ id }) => id))];
  }
  found.forEach(report);
  return compared;
}

/** Compares the kept blocks with the chain's. */
export async function auditBlocks(options: {
  collections: Pick<RegistryCollections, "blocks">;
  checkpoint: CheckpointDocument;
  source: Source;
  upTo: number;
  report: Report;
}): Promise<void> {
  const { collections, checkpoint, source, upTo, report } = options;
  const kept = await collections.blocks.find({}).toArray();
  const counting = kept.filter(({ term, number }) => number <= upTo && countsIn(checkpoint, term, number));
  for (let from = 0; from < counting.length; from += PAGE) {
    const page = counting.slice(from, from + PAGE);
    const headers = await source.ask("the kept blocks", (endpoint) =>
      headersAt(
        endpoint,
        page.map(({ _id }) => Number(_id)),
      ),
    );
    page.forEach(({ _id, term: _term, ...block }, index) => {
      const header = headers[index];
      const expected = header && {
        ...{ number: header.number, hash: header.hash, parentHash: header.parentHash, minedAt: header.minedAt },
      };
      differencesOf({ collection: "blocks", id: _id }, block, expected ?? null).forEach(report);
    });
  }
}
