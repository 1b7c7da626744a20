import { Schema } from "mongoose";
import { type Mongo, isDuplicateKey } from "../../core/mongo";
import { type Anchoring, type AnchoringError, STORED_STATUSES, type StoredStatus } from "./anchoring/rules";
import type { Wallet } from "./rules";

const registration = new Schema(
  {
    walletAddress: { type: String, required: true },
    documentUri: { type: String, required: true },
    nonce: { type: String, required: true },
    deadline: { type: Date, required: true },
    signature: { type: String, required: true },
  },
  { _id: false },
);

const anchoring = new Schema<Anchoring>(
  {
    id: { type: String, required: true },
    status: { type: String, enum: STORED_STATUSES, required: true },
    registration: { type: registration, default: null },
    alone: { type: Boolean, required: true },
    transactionHashes: { type: [String], required: true },
    blockNumber: { type: Number, default: null },
    error: { type: new Schema({ code: String, message: String, remedy: String }, { _id: false }), default: null },
    updatedAt: { type: Date, required: true },
  },
  { _id: false },
);

const schema = new Schema<Wallet>(
  {
    walletAddress: { type: String, required: true },
    userId: { type: String, required: true },
    did: { type: String, required: true },
    kind: { type: String, required: true },
    verifiedAt: { type: Date, required: true },
    anchoring: { type: anchoring, required: true },
  },
  { collection: "user_wallets", versionKey: false },
);
// One user a wallet.
schema.index({ walletAddress: 1 }, { unique: true });
schema.index({ userId: 1, verifiedAt: 1 });
schema.index({ "anchoring.status": 1, "anchoring.updatedAt": 1 });

/** The collection `user_wallets`. */
export interface WalletStore {
  /** Links a wallet; false when it is linked already, to whomever. One caller gets true. */
  insert(wallet: Wallet): Promise<boolean>;
  find(walletAddress: string): Promise<Wallet | null>;
  /** Those of these addresses that are linked, in any order. */
  findMany(walletAddresses: string[]): Promise<Wallet[]>;
  /** A user's wallets, the first linked first. */
  ofUser(userId: string): Promise<Wallet[]>;
  /** Unlinks a user's wallet; false when it is not the user's. */
  remove(userId: string, walletAddress: string): Promise<boolean>;
  /** Unlinks all of a user's wallets. */
  removeAll(userId: string): Promise<void>;
  /** Stores a new anchoring request in place of `replaces`; false when that is not the present one any more. */
  replaceAnchoring(walletAddress: string, replaces: string, next: Anchoring): Promise<boolean>;
  /** A node took a transaction. */
  markSubmitted(walletAddress: string, transactionHash: string, now: Date): Promise<void>;
  /** Stores why it does not go on for now; it will by itself. */
  recordRetryableError(walletAddress: string, error: AnchoringError, now: Date): Promise<void>;
  /** The registry has the DID; by whose transaction is known only if it was ours. */
  markMined(
    walletAddress: string,
    by: { transactionHash: string; blockNumber: number } | null,
    now: Date,
  ): Promise<void>;
  /** The index has it, finally. */
  markAnchored(walletAddress: string, now: Date): Promise<void>;
  /** The request came to nothing. */
  markFailed(walletAddress: string, requestId: string, error: AnchoringError, now: Date): Promise<void>;
  /** Those of a status that nothing happened to since `before`, the longest waiting first. */
  waitingSince(status: StoredStatus, before: Date, limit: number): Promise<Wallet[]>;
  /** How many wallets there are of each status. */
  countByStatus(): Promise<Record<StoredStatus, number>>;
}

/** Creates the store of linked wallets. */
export function createWalletStore(mongo: Mongo): WalletStore {
  const model = mongo.model<Wallet>("UserWallet", schema);
  const plain = { _id: 0 } as const;

  /** Moves an anchoring on, unless it is already past that. */
  async function move(
    walletAddress: string,
    from: StoredStatus[],
    set: Partial<Anchoring>,
    hash?: string,
  ): Promise<void> {
    const fields = Object.fromEntries(Object.entries(set).map(([key, value]) => [`anchoring.${key}`, value]));
    await model.updateOne(
      { walletAddress, "anchoring.status": { $in: from } },
      { $set: fields, ...(hash !== undefined && { $addToSet: { "anchoring.transactionHashes": hash } }) },
    );
  }

  return {
    async insert(wallet) {
      try {
        await model.create(wallet);
        return true;
      } catch (error) {
        if (isDuplicateKey(error, "walletAddress")) return false;
        throw error;
      }
    },
    find: (walletAddress) => model.findOne({ walletAddress }, plain).lean(),
    findMany: (walletAddresses) => model.find({ walletAddress: { $in: walletAddresses } }, plain).lean(),
    ofUser: (userId) => model.find({ userId }, plain).sort({ verifiedAt: 1, walletAddress: 1 }).lean(),
    async remove(userId, walletAddress) {
      const removed = await model.deleteOne({ userId, walletAddress });
      return removed.deletedCount === 1;
    },
    async removeAll(userId) {
      await model.deleteMany({ userId });
    },
    async replaceAnchoring(walletAddress, replaces, next) {
      const replaced = await model.updateOne(
        { walletAddress, "anchoring.id": replaces },
        { $set: { anchoring: next } },
      );
      return replaced.modifiedCount === 1;
    },
    markSubmitted: (walletAddress, hash, now) =>
      move(
        walletAddress,
        ["queued", "submitted", "failed"],
        { status: "submitted", error: null, updatedAt: now },
        hash,
      ),
    recordRetryableError: (walletAddress, error, now) =>
      move(walletAddress, ["queued", "submitted"], { error, updatedAt: now }),
    markMined(walletAddress, by, now) {
      const block = by && { blockNumber: by.blockNumber };
      const set = { status: "mined" as const, error: null, updatedAt: now, ...block };
      // From `mined` again after a reorg put it into another block.
      const from: StoredStatus[] = ["awaiting_signature", "queued", "submitted", "failed", "mined"];
      return move(walletAddress, from, set, by?.transactionHash);
    },
    markAnchored: (walletAddress, now) => move(walletAddress, ["mined"], { status: "anchored", updatedAt: now }),
    async markFailed(walletAddress, requestId, error, now) {
      await model.updateOne(
        { walletAddress, "anchoring.id": requestId, "anchoring.status": { $in: ["queued", "submitted"] } },
        { $set: { "anchoring.status": "failed", "anchoring.error": error, "anchoring.updatedAt": now } },
      );
    },
    waitingSince: (status, before, limit) =>
      model
        .find({ "anchoring.status": status, "anchoring.updatedAt": { $lt: before } }, plain)
        .sort({ "anchoring.updatedAt": 1 })
        .limit(limit)
        .lean(),
    async countByStatus() {
      const count = (status: StoredStatus) => model.countDocuments({ "anchoring.status": status });
      const entries = await Promise.all(STORED_STATUSES.map(async (status) => [status, await count(status)] as const));
      return Object.fromEntries(entries) as Record<StoredStatus, number>;
    },
  };
}
