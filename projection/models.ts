import { type mongo, Schema } from "mongoose";
import type { Mongo } from "../core/mongo";
import type { RegistryEvent } from "../chain/registry/events";
import type { DidState, IssuerState } from "../chain/registry/fold";
import type { WordState } from "../chain/registry/foldWord";

/**
 * The indexer's fencing: each time the lease is acquired begins a term, whose number is one higher than the last, and
 * every document says in which term it was written. What a former leader writes after it lost the lease lies beyond the
 * bound of its term (see {@link countsIn}) and is as if it were not there.
 */
interface Written {
  term: number;
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

/** What a past term wrote counts up to the block `through`; the entry covers terms down to the entry before. */
export interface PastTerm {
  term: number;
  through: number;
}

/** A block whose logs are not known to be complete: no endpoint gave what its bloom filter promises. */
export interface IncompleteBlock {
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
  incompleteBlocks: IncompleteBlock[];
  /** How often blocks were dropped again: a reader that sees it change has read across a reorg. */
  rewinds: number;
  lease: { holder: string | null; term: number; expiresAt: Date };
  pastTerms: PastTerm[];
}

/** Which chain and contracts an index is of. */
export type IndexIdentity = Pick<
  CheckpointDocument,
  "chainId" | "contracts" | "didMethod" | "genesisHash" | "deployment"
>;

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
  // What a dropped branch touched, what is not proven yet: IXSCAN position_1. What is unverified: IXSCAN, sparse.
  Did: collectionSchema(NAMES.dids)
    .index({ position: 1 })
    .index({ "unverified.sinceBlock": 1 }, { sparse: true })
    // What an account controls: IXSCAN controller_1__id_1.
    .index({ controller: 1, _id: 1 }),
  Issuer: collectionSchema(NAMES.issuers)
    .index({ position: 1 })
    .index({ "unverified.sinceBlock": 1 }, { sparse: true }),
  StatusWord: collectionSchema(NAMES.words)
    .index({ position: 1 })
    // A list's words in order: IXSCAN issuer_1_purpose_1_word_1.
    .index({ issuer: 1, purpose: 1, word: 1 }),
  // The stored blocks in order: IXSCAN number_1.
  Block: collectionSchema(NAMES.blocks).index({ number: 1 }),
  Checkpoint: collectionSchema(NAMES.checkpoints),
};

/**
 * Makes the indexer's collections. The api reads them by the named queries of `queries.ts` and writes none of them.
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
 * Whether something written in `term` about `blockNumber` belongs to the index as the checkpoint has it: committed by
 * the term that wrote it, and not dropped since.
 */
export function countsIn(
  checkpoint: Pick<CheckpointDocument, "lease" | "pastTerms" | "indexed">,
  term: number,
  blockNumber: number,
): boolean {
  return blockNumber <= lastBlockOf(checkpoint, term);
}

/** The last block that what was written in `term` may speak of; -1 for none. */
export function lastBlockOf(
  { lease, pastTerms, indexed }: Pick<CheckpointDocument, "lease" | "pastTerms" | "indexed">,
  term: number,
): number {
  // No process writes anything else; a document that was tampered with does not count.
  if (!Number.isInteger(term)) return -1;
  if (term >= lease.term) return term === lease.term ? (indexed?.number ?? -1) : -1;
  return pastTerms.find((past) => past.term >= term)?.through ?? -1;
}
