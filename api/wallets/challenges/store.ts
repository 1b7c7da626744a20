import { Schema } from "mongoose";
import type { Mongo } from "../../../core/mongo";
import { type Challenge, MAX_PROOF_ATTEMPTS, type Purpose } from "./rules";

type Stored = Omit<Challenge, "nonce"> & { _id: string };

/** How long an expired challenge is stored, so that a late answer is rejected as late. */
const RETENTION_SECONDS = 60 * 60;

const registration = new Schema(
  {
    walletAddress: { type: String, required: true },
    documentUri: { type: String, required: true },
    nonce: { type: String, required: true },
    deadline: { type: Date, required: true },
  },
  { _id: false },
);

// In MongoDB rather than Redis: a Redis restored from an older snapshot would hand out a consumed nonce again.
const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    purpose: { type: String, required: true },
    walletAddress: { type: String, required: true },
    sessionId: { type: String, default: null },
    domain: { type: String, required: true },
    chainId: { type: Number, required: true },
    message: { type: String, default: "" },
    registration: { type: registration, default: null },
    issuedAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    attempts: { type: Number, required: true },
    consumedAt: { type: Date, default: null },
  },
  { collection: "wallet_challenges", versionKey: false },
);
schema.index({ walletAddress: 1, sessionId: 1, purpose: 1, issuedAt: -1 });
schema.index({ expiresAt: 1 }, { expireAfterSeconds: RETENTION_SECONDS });

/** The collection `wallet_challenges`. */
export interface ChallengeStore {
  insert(challenge: Challenge): Promise<void>;
  /**
   * Counts an attempt to answer a challenge and returns it, the attempt included; null when there is none. Beyond
   * the attempts allowed nothing is counted any more.
   *
   * @param which by its nonce or, for a session that asked, the latest one it was given for the wallet
   */
  countAttempt(
    which: { nonce: string } | { walletAddress: string; sessionId: string; purposes: Purpose[] },
  ): Promise<Challenge | null>;
  /** Consumes a challenge; false when it was consumed before or its time is over. One caller gets true. */
  consume(nonce: string, now: Date): Promise<boolean>;
}

/** Creates the store of challenges. */
export function createChallengeStore(mongo: Mongo): ChallengeStore {
  const model = mongo.model<Stored>("WalletChallenge", schema);
  return {
    async insert({ nonce, ...challenge }) {
      await model.create({ ...challenge, _id: nonce });
    },
    async countAttempt(which) {
      const filter =
        "nonce" in which
          ? { _id: which.nonce }
          : { walletAddress: which.walletAddress, sessionId: which.sessionId, purpose: { $in: which.purposes } };
      // Of two issued in one millisecond the open one is meant.
      const found = await model.findOne(filter).sort({ issuedAt: -1, consumedAt: 1 }).lean();
      if (found === null) return null;
      const counted = await model
        .findOneAndUpdate(
          { _id: found._id, attempts: { $lte: MAX_PROOF_ATTEMPTS } },
          { $inc: { attempts: 1 } },
          { returnDocument: "after" },
        )
        .lean();
      const { _id: nonce, ...challenge } = counted ?? found;
      return { nonce, ...challenge };
    },
    async consume(nonce, now) {
      const consumed = await model.updateOne(
        { _id: nonce, consumedAt: null, expiresAt: { $gt: now } },
        { $set: { consumedAt: now } },
      );
      return consumed.modifiedCount === 1;
    },
  };
}
