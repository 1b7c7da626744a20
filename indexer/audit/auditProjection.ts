import type { mongo } from "mongoose";
import { blockOf } from "../../chain/registry/position";
import { type CheckpointDocument, countsIn, type RegistryCollections } from "../../projection/models";
import { refoldDid, refoldEach, refoldIssuer, refoldWords } from "../../projection/refold";
import type { AuditedEvents } from "./auditEvents";
import { type Difference, differencesOf, type ProjectionCollection, type Report } from "./difference";

export interface AuditProjectionOptions {
  collections: RegistryCollections;
  readCheckpoint(): Promise<CheckpointDocument>;
  audited: AuditedEvents;
  report: Report;
  /** Called with what the events say of some documents, to be compared with the chain. */
  onStates(collection: ProjectionCollection, states: Map<string, object>): Promise<void>;
}

type Stored = Record<string, unknown> & { _id: string; term: number; position: number };

/** One collection of the projection, and how its documents follow from the events. */
interface Audited {
  name: ProjectionCollection;
  collection: mongo.Collection<Stored>;
  /** `_id`s of the documents that the events are about. */
  ids: Set<string>;
  refold(ids: string[], checkpoint: CheckpointDocument): Promise<Map<string, object>>;
}

/** So many documents are compared at once. */
const PAGE = 100;
/** An index may be written meanwhile: a difference counts when so many comparisons have found it. */
const COMPARISONS = 3;

/**
 * Compares every document of the projection, field by field, with what the stored events say.
 *
 * @returns how many documents were compared
 */
export async function auditProjection(options: AuditProjectionOptions): Promise<number> {
  let documents = 0;
  for (const audited of auditedCollections(options)) {
    const ids = new Set(audited.ids);
    for await (const { _id } of audited.collection.find({}, { projection: { _id: 1 } })) ids.add(_id);
    const all = [...ids];
    for (let from = 0; from < all.length; from += PAGE) {
      documents += await comparePage(options, audited, all.slice(from, from + PAGE));
    }
  }
  return documents;
}

function auditedCollections({ collections, audited }: AuditProjectionOptions): Audited[] {
  return [
    {
      name: "dids",
      collection: collections.dids as unknown as Audited["collection"],
      ids: audited.subjects,
      refold: (ids, checkpoint) => refoldEach(ids, (id) => refoldDid(collections, checkpoint, id)),
    },
    {
      name: "issuers",
      collection: collections.issuers as unknown as Audited["collection"],
      ids: audited.subjects,
      refold: (ids, checkpoint) => refoldEach(ids, (id) => refoldIssuer(collections, checkpoint, id)),
    },
    {
      name: "status_words",
      collection: collections.words as unknown as Audited["collection"],
      ids: audited.words,
      refold: (ids, checkpoint) => refoldWords(collections, checkpoint, ids),
    },
  ];
}

async function comparePage(options: AuditProjectionOptions, audited: Audited, page: string[]): Promise<number> {
  const { readCheckpoint, report, onStates } = options;
  let ids = page;
  let compared = 0;
  let found: Difference[] = [];
  for (let comparison = 0; comparison < COMPARISONS && ids.length > 0; comparison += 1) {
    const checkpoint = await readCheckpoint();
    const stored = await readStored(audited.collection, ids, checkpoint);
    const expected = await audited.refold(ids, await readCheckpoint());
    if (comparison === 0) await onStates(audited.name, expected);
    compared = Math.max(compared, expected.size);
    found = ids.flatMap((id) => {
      const state = expected.get(id) as Record<string, unknown> | undefined;
      return differencesOf({ collection: audited.name, id }, stored.get(id) ?? null, state ?? null);
    });
    ids = [...new Set(found.map(({ id }) => id))];
  }
  found.forEach(report);
  return compared;
}

/** The stored states that count in the index, by `_id`. */
async function readStored(
  collection: mongo.Collection<Stored>,
  ids: string[],
  checkpoint: CheckpointDocument,
): Promise<Map<string, Record<string, unknown>>> {
  const states = new Map<string, Record<string, unknown>>();
  for await (const { _id, term, ...state } of collection.find({ _id: { $in: ids } })) {
    if (countsIn(checkpoint, term, blockOf(state.position))) states.set(_id, state);
  }
  return states;
}
