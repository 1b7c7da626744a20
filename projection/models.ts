import { type mongo, Schema } from "mongoose";
import type { Mongo } from "../core/mongo";
import type { RegistryEvent } from "../chain/registry/events";
import type { DidState, IssuerState } from "../chain/registry/fold";
import type { WordState } from "../chain/registry/foldWord";

/**
 * The indexer's fencing: each leadership is a reign with a number one higher than the last, and every document says in
 * which reign it was written. What a former leader writes after it was deposed lies beyond what its reign may hold
 * (see {@link countsIn}) and is as if it were not there.
 */
interface Written {
  reign: number;
}

/** `chain_events`: append-only, one document a log. `_id` is `<chainId>:<blockHash>:<logIndex>`. */
export type EventDocument = RegistryEvent & Written & { _id: string; position: number };

/** `dids`: `_id` is the identity's address in lower case. */
export type DidDocument = DidState & Written & { _id: string };

/** `issuers`: `_id` is the issuer's address in lower case. */
export type IssuerDocument = IssuerState & Written & { _id: string };

/** `status_words`: `_id` is `<issuer>:<purpose>:<word>`. */
export type WordDocument = WordState & Written & { _id: string };

/** `blocks`: the chain's recent blocks, by which a reorg is recognised. `_id` is the number in decimal. */
export interface BlockDocument extends Written {
  _id: string;
  number: number;
  hash: string;
  parentHash: string;
  minedAt: Date;
}

/** A block by number and hash. */
export interface BlockRef {
  number: number;
  hash: string;
  minedAt: Date;
}

/** What a past reign wrote counts up to the block `through`; the entry covers reigns down to the entry before. */
export interface PastReign {
  reign: number;
  through: number;
}

/** A block whose logs are not known to be complete: no endpoint gave what its bloom filter promises. */
export interface SuspectBlock {
  number: number;
  hash: string;
  reason: string;
}

/** `checkpoints`: one document, how far the index has come and who may write. */
export interface CheckpointDocument {
  _id: string;
  chainId: number;
  /** Addresses in lower case, of the contracts that are indexed. */
  contracts: { DIDRegistry: string; IssuerRegistry: string };
  didMethod: string;
  /** By these a chain that was reset is recognised. */
  genesisHash: string;
  deployment: { blockNumber: number; blockHash: string };
  /** Everything up to here is in the index; null before the first block. */
  indexed: BlockRef | null;
  /** The chain's newest block that the leader has seen. */
  head: (BlockRef & { seenAt: Date }) | null;
  /** Blocks up to this number are final. */
  finalizedNumber: number;
  /** Up to here every identity's counters were compared with the chain's own. */
  verifiedNumber: number;
  suspects: SuspectBlock[];
  /** How often blocks were dropped again: a reader that sees it change has read across a reorg. */
  rewinds: number;
  lease: { holder: string | null; reign: number; expiresAt: Date };
  pastReigns: PastReign[];
}

/** There is one checkpoint a database. */
export const CHECKPOINT_ID = "registry";

/** The collections that the indexer alone writes. */
export interface RegistryCollections {
  events: mongo.Collection<EventDocument>;
  dids: mongo.Collection<DidDocument>;
  issuers: mongo.Collection<IssuerDocument>;
  words: mongo.Collection<WordDocument>;
  blocks: mongo.Collection<BlockDocument>;
  checkpoints: mongo.Collection<CheckpointDocument>;
}

const NAMES = {
  events: "chain_events",
  dids: "dids",
  issuers: "issuers",
  words: "status_words",
  blocks: "blocks",
  checkpoints: "checkpoints",
} as const;

function collectionSchema(collection: string): Schema {
  // The shapes are TypeScript's: these documents are written in bulk past mongoose, which makes their indexes only.
  return new Schema({ _id: String }, { collection, strict: false, versionKey: false });
}

const schemas = {
  ChainEvent: collectionSchema(NAMES.events)
    // An identity's events in order (history, refolding): IXSCAN subject_1_position_1.
    .index({ subject: 1, position: 1 })
    // All events in order (audit feed, dropping a branch): IXSCAN position_1.
    .index({ position: 1 }),
  // What a dropped branch touched, what is not proven yet: IXSCAN position_1. What is in doubt: IXSCAN, sparse.
  Did: collectionSchema(NAMES.dids).index({ position: 1 }).index({ "unverified.sinceBlock": 1 }, { sparse: true }),
  Issuer: collectionSchema(NAMES.issuers)
    .index({ position: 1 })
    .index({ "unverified.sinceBlock": 1 }, { sparse: true }),
  StatusWord: collectionSchema(NAMES.words)
    .index({ position: 1 })
    // A list's words in order: IXSCAN issuer_1_purpose_1_word_1.
    .index({ issuer: 1, purpose: 1, word: 1 }),
  // The kept blocks in order: IXSCAN number_1.
  Block: collectionSchema(NAMES.blocks).index({ number: 1 }),
  Checkpoint: collectionSchema(NAMES.checkpoints),
};

/**
 * Opens the indexer's collections. The api reads them by the named queries of `queries.ts` and writes none of them.
 * `ensureIndexes` makes their indexes.
 */
export function createRegistryCollections(mongo: Mongo): RegistryCollections {
  for (const [name, schema] of Object.entries(schemas)) {
    if (!(name in mongo.models)) mongo.model(name, schema);
  }
  const { db } = mongo;
  if (db === undefined) throw new Error("the connection to MongoDB is not open");
  return {
    events: db.collection(NAMES.events),
    dids: db.collection(NAMES.dids),
    issuers: db.collection(NAMES.issuers),
    words: db.collection(NAMES.words),
    blocks: db.collection(NAMES.blocks),
    checkpoints: db.collection(NAMES.checkpoints),
  };
}

/**
 * Whether something written in `reign` about `blockNumber` belongs to the index as the checkpoint has it: committed by
 * the reign that wrote it, and not dropped since.
 */
export function countsIn(
  checkpoint: Pick<CheckpointDocument, "lease" | "pastReigns" | "indexed">,
  reign: number,
  blockNumber: number,
): boolean {
  return blockNumber <= lastBlockOf(checkpoint, reign);
}

/** The last block that what was written in `reign` may speak of; -1 for none. */
export function lastBlockOf(
  { lease, pastReigns, indexed }: Pick<CheckpointDocument, "lease" | "pastReigns" | "indexed">,
  reign: number,
): number {
  // No process writes anything else; a document that was tampered with does not count.
  if (!Number.isInteger(reign)) return -1;
  if (reign >= lease.reign) return reign === lease.reign ? (indexed?.number ?? -1) : -1;
  return pastReigns.find((past) => past.reign >= reign)?.through ?? -1;
}
