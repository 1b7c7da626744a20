import { Schema } from "mongoose";
import { deleteInBatches, isDuplicateKey, type Mongo, rawCollection } from "../../../core/mongo";
import { BATCH_STATES, type BatchAnchor, type BatchLeaf, type BatchState, type UseBatch } from "./rules";

type Stored = Omit<UseBatch, "digest"> & { _id: string };

const leaf = new Schema<BatchLeaf>(
  {
    verificationId: { type: String, required: true },
    credentialId: { type: String, required: true },
    credId: { type: String, required: true },
    useNumber: { type: Number, required: true },
    maxUsages: { type: Number, required: true },
    usedAt: { type: Date, required: true },
    salt: { type: String, default: null },
    hash: { type: String, required: true },
  },
  { _id: false },
);
const anchor = new Schema<BatchAnchor>(
  {
    sequence: { type: Number, required: true },
    transactionHash: { type: String, required: true },
    blockNumber: { type: Number, required: true },
    blockHash: { type: String, required: true },
    minedAt: { type: Date, required: true },
  },
  { _id: false },
);
const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    root: { type: String, required: true },
    leaves: { type: [leaf], required: true },
    oldestAt: { type: Date, required: true },
    newestAt: { type: Date, required: true },
    isMarked: { type: Boolean, required: true },
    state: { type: String, enum: BATCH_STATES, required: true },
    attempt: { type: Number, required: true },
    identity: { type: String, default: null },
    transactionHash: { type: String, default: null },
    blockNumber: { type: Number, default: null },
    anchor: { type: anchor, default: null },
    error: { type: String, default: null },
    createdAt: { type: Date, required: true },
    updatedAt: { type: Date, required: true },
  },
  { collection: "use_batches", versionKey: false },
);
// Every use is in one batch: an insert takes all of its uses, or none.
schema.index({ "leaves.verificationId": 1 }, { unique: true });
schema.index({ "leaves.credentialId": 1 });
schema.index({ state: 1, updatedAt: 1 });
schema.index({ isMarked: 1 });
schema.index({ newestAt: 1 });

/** Names the transaction that a batch waits for. */
export type BatchAttempt = Pick<UseBatch, "digest" | "attempt">;

/** The collection `use_batches`. */
export interface BatchStore {
  /** One conditional write: false, and nothing is stored, when one of its uses is in a batch already. */
  insert(batch: UseBatch): Promise<boolean>;
  /** The batch that a use is in. */
  findByUse(verificationId: string): Promise<UseBatch | null>;
  find(digest: string): Promise<UseBatch | null>;
  /** Those whose uses the usage log may not know to be batched. */
  unmarked(): Promise<UseBatch[]>;
  markMarked(digest: string): Promise<void>;
  /** Those in a state since before `before`, the longest waiting first. */
  waiting(state: BatchState, before: Date, limit: number): Promise<UseBatch[]>;
  markSubmitted(attempt: BatchAttempt, transactionHash: string, now: Date): Promise<void>;
  markMined(attempt: BatchAttempt, by: { transactionHash: string; blockNumber: number }, now: Date): Promise<void>;
  markFinal(attempt: BatchAttempt, anchor: BatchAnchor, now: Date): Promise<void>;
  /** In whose name it is about to be sent. */
  recordIdentity(attempt: BatchAttempt, identity: string): Promise<void>;
  /** Records why it is not on the chain yet. */
  recordError(attempt: BatchAttempt, error: string, now: Date): Promise<void>;
  /** Its transaction will not be mined, or no longer is: it waits for another. */
  retry(attempt: BatchAttempt, now: Date): Promise<void>;
  /** How many uses are in batches that are not final, and since when the longest waiting of them; null without any. */
  countUnanchored(): Promise<{ uses: number; oldestAt: Date | null }>;
  /** Leaves of a person's credentials, with the digest of their batch. */
  leavesOf(credentialIds: string[]): Promise<(BatchLeaf & { digest: string })[]>;
  /** Deletes the salts of leaves of these credentials: nobody can say any more what they say. */
  eraseSalts(leaves: { credentialIds: string[] } | { verificationIds: string[] }): Promise<void>;
  /** Deletes final batches whose newest use is older than this; returns how many. */
  purge(before: Date): Promise<number>;
}

/** Creates the store of batches of uses. */
export function createBatchStore(mongo: Mongo): BatchStore {
  const model = mongo.model<Stored>("UseBatch", schema);
  const raw = rawCollection<Stored>(mongo, "use_batches");

  /** Changes a batch that still waits for this transaction. */
  async function change({ digest, attempt }: BatchAttempt, states: BatchState[], set: Partial<Stored>): Promise<void> {
    await raw.updateOne({ _id: digest, attempt, state: { $in: states } }, { $set: set });
  }

  return {
    async insert({ digest, ...batch }) {
      try {
        await raw.insertOne({ ...batch, _id: digest });
        return true;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },
    async findByUse(verificationId) {
      const found = await model.findOne({ "leaves.verificationId": verificationId }).lean();
      return found === null ? null : rename(found);
    },
    async find(digest) {
      const found = await model.findById(digest).lean();
      return found === null ? null : rename(found);
    },
    async unmarked() {
      return (await model.find({ isMarked: false }).lean()).map(rename);
    },
    async markMarked(digest) {
      await raw.updateOne({ _id: digest }, { $set: { isMarked: true } });
    },
    async waiting(state, before, limit) {
      const found = await model
        .find({ state, updatedAt: { $lt: before } })
        .sort({ updatedAt: 1 })
        .limit(limit)
        .lean();
      return found.map(rename);
    },
    markSubmitted: (attempt, transactionHash, updatedAt) =>
      change(attempt, ["queued", "submitted"], { state: "submitted", transactionHash, error: null, updatedAt }),
    markMined: (attempt, { transactionHash, blockNumber }, updatedAt) =>
      change(attempt, ["queued", "submitted"], {
        state: "mined",
        transactionHash,
        blockNumber,
        error: null,
        updatedAt,
      }),
    markFinal: (attempt, found, updatedAt) => change(attempt, ["mined"], { state: "final", anchor: found, updatedAt }),
    recordIdentity: (attempt, identity) => change(attempt, ["queued"], { identity }),
    recordError: (attempt, error, updatedAt) => change(attempt, ["queued", "submitted"], { error, updatedAt }),
    retry: (attempt, updatedAt) =>
      change(attempt, ["queued", "submitted", "mined"], {
        state: "queued",
        attempt: attempt.attempt + 1,
        transactionHash: null,
        blockNumber: null,
        updatedAt,
      }),
    async countUnanchored() {
      const found = await model
        .find({ state: { $in: ["queued", "submitted", "mined"] } }, { leaves: 1, oldestAt: 1 })
        .lean();
      const times = found.map(({ oldestAt }) => oldestAt.getTime());
      return {
        uses: found.reduce((sum, { leaves }) => sum + leaves.length, 0),
        oldestAt: times.length === 0 ? null : new Date(Math.min(...times)),
      };
    },
    async leavesOf(credentialIds) {
      const asked = new Set(credentialIds);
      const found = await model.find({ "leaves.credentialId": { $in: credentialIds } }).lean();
      return found.flatMap(({ _id: digest, leaves }) =>
        leaves.filter(({ credentialId }) => asked.has(credentialId)).map((one) => ({ ...one, digest })),
      );
    },
    async eraseSalts(asked) {
      const [field, ids] =
        "credentialIds" in asked
          ? (["credentialId", asked.credentialIds] as const)
          : (["verificationId", asked.verificationIds] as const);
      await raw.updateMany(
        { [`leaves.${field}`]: { $in: ids } },
        { $set: { "leaves.$[erased].salt": null } },
        { arrayFilters: [{ [`erased.${field}`]: { $in: ids } }] },
      );
    },
    purge: (before) => deleteInBatches(raw, { newestAt: { $lt: before }, state: "final" }),
  };
}

function rename({ _id: digest, ...batch }: Stored): UseBatch {
  return { digest, ...batch };
}
