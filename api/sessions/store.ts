import { Schema } from "mongoose";
import { addSeconds } from "../../core/clock";
import type { Mongo } from "../../core/mongo";
import {
  CONTROL_LOSSES,
  type ControlLoss,
  type SessionLifetime,
  type SessionWallet,
  sessionAbsoluteEnd,
  validityBounds,
} from "./rules";

/** A session as it is stored. Whoever steals the collection cannot log in with it. */
export interface StoredSession {
  /** Identifies the session to its owner; not a secret. */
  _id: string;
  /** SHA-256 of the token: the token itself exists at its holder alone. */
  tokenHash: string;
  userId: string;
  device: string;
  /** Null when a password opened it. */
  wallet: SessionWallet | null;
  createdAt: Date;
  lastActivityAt: Date;
  revokedAt: Date | null;
  /** Why it was revoked, where nobody asked for that. */
  controlLoss: ControlLoss | null;
  /** When it was revoked, until the event that says so is stored. */
  unannouncedSince?: Date;
  /** When the database deletes the document. */
  purgeAt: Date;
}

// Stored for a day past their end, so that a returning caller learns why the session is over.
const RETENTION_SECONDS = 24 * 60 * 60;

const schema = new Schema<StoredSession>(
  {
    _id: { type: String, required: true },
    tokenHash: { type: String, required: true },
    userId: { type: String, required: true },
    device: { type: String, required: true },
    wallet: { type: new Schema<SessionWallet>({ walletAddress: String, did: String }, { _id: false }), default: null },
    createdAt: { type: Date, required: true },
    lastActivityAt: { type: Date, required: true },
    revokedAt: { type: Date, default: null },
    controlLoss: { type: String, enum: [...CONTROL_LOSSES, null], default: null },
    unannouncedSince: Date,
    purgeAt: { type: Date, required: true },
  },
  { collection: "sessions", versionKey: false },
);
schema.index({ tokenHash: 1 }, { unique: true });
schema.index({ userId: 1, lastActivityAt: -1 });
schema.index({ unannouncedSince: 1 }, { sparse: true });
// Only deletes; whether a session is valid is decided when it is read.
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `sessions`. */
export interface SessionStore {
  insert(
    session: Pick<StoredSession, "_id" | "tokenHash" | "userId" | "device" | "wallet" | "createdAt">,
  ): Promise<void>;
  /**
   * Records activity on the session with this token and returns it; null when it is not valid at `now` or unknown.
   * One conditional write and never an upsert: a session that was revoked cannot come back, whatever races it.
   */
  touch(tokenHash: string, now: Date): Promise<StoredSession | null>;
  findByTokenHash(tokenHash: string): Promise<StoredSession | null>;
  findById(sessionId: string): Promise<StoredSession | null>;
  /** Those of these ids that are stored, in no order. */
  findMany(sessionIds: string[]): Promise<StoredSession[]>;
  /** A user's sessions that are valid at `now`, the most recently used first. */
  listValid(userId: string, now: Date): Promise<StoredSession[]>;
  /** Ends one session of a user; false when the user has none of this id that was still valid. */
  revoke(session: { sessionId: string; userId: string }, now: Date): Promise<boolean>;
  /** Ends one session of a user because its wallet lost control; one that was over before stays as it ended. */
  endForControlLoss(session: { sessionId: string; userId: string }, loss: ControlLoss, now: Date): Promise<void>;
  /** Ends the sessions that a wallet opened for a user, because it was unlinked. */
  endOfWallet(opened: { userId: string; walletAddress: string }, now: Date): Promise<void>;
  /** Ends the session with this token; returns its user, or null where there is none to end. */
  revokeByTokenHash(tokenHash: string, now: Date): Promise<string | null>;
  /** Ends every session of a user but `exceptId`; returns how many. */
  revokeAll(userId: string, now: Date, exceptId?: string): Promise<number>;
  /** A user's revoked sessions of which no event says so yet. */
  unannouncedEnds(userId: string): Promise<string[]>;
  markEndsAnnounced(sessionIds: string[]): Promise<void>;
  /** Users of sessions that were revoked before `before` and of which no event says so yet. */
  withUnannouncedEnds(before: Date, limit: number): Promise<string[]>;
  /** All of a user's sessions that are stored, the newest first. */
  ofUser(userId: string): Promise<StoredSession[]>;
  /** Deletes all of a user's sessions. */
  deleteOf(userId: string): Promise<void>;
  /** How many sessions are valid at `now`. */
  countValid(now: Date): Promise<number>;
}

const LIST_LIMIT = 100;

/** Creates the store of sessions. */
export function createSessionStore(mongo: Mongo, lifetime: SessionLifetime): SessionStore {
  const model = mongo.model<StoredSession>("Session", schema);

  const endAt = (now: Date) => ({ revokedAt: now, unannouncedSince: now });

  function validAt(now: Date) {
    const { lastActivityAfter, createdAfter } = validityBounds(lifetime, now);
    return { revokedAt: null, lastActivityAt: { $gt: lastActivityAfter }, createdAt: { $gt: createdAfter } };
  }

  return {
    async insert(session) {
      const purgeAt = addSeconds(sessionAbsoluteEnd(session, lifetime), RETENTION_SECONDS);
      const { createdAt: lastActivityAt } = session;
      await model.create({ ...session, lastActivityAt, revokedAt: null, controlLoss: null, purgeAt });
    },
    // $max: of two requests handled by machines whose clocks differ, the later time stays.
    touch: (tokenHash, now) =>
      model
        .findOneAndUpdate(
          { tokenHash, ...validAt(now) },
          { $max: { lastActivityAt: now } },
          { returnDocument: "after" },
        )
        .lean(),
    findByTokenHash: (tokenHash) => model.findOne({ tokenHash }).lean(),
    findById: (sessionId) => model.findById(sessionId).lean(),
    findMany: (sessionIds) => model.find({ _id: { $in: sessionIds } }).lean(),
    listValid: (userId, now) =>
      model
        .find({ userId, ...validAt(now) })
        .sort({ lastActivityAt: -1 })
        .limit(LIST_LIMIT)
        .lean(),
    async revoke({ sessionId, userId }, now) {
      const { modifiedCount } = await model.updateOne(
        { _id: sessionId, userId, ...validAt(now) },
        { $set: endAt(now) },
      );
      return modifiedCount === 1;
    },
    async endForControlLoss({ sessionId, userId }, controlLoss, now) {
      await model.updateOne({ _id: sessionId, userId, revokedAt: null }, { $set: { ...endAt(now), controlLoss } });
    },
    async endOfWallet({ userId, walletAddress }, now) {
      await model.updateMany(
        { userId, "wallet.walletAddress": walletAddress, revokedAt: null },
        { $set: { ...endAt(now), controlLoss: "session.wallet_unlinked" } },
      );
    },
    async revokeByTokenHash(tokenHash, now) {
      const ended = await model.findOneAndUpdate({ tokenHash, revokedAt: null }, { $set: endAt(now) }).lean();
      return ended?.userId ?? null;
    },
    async revokeAll(userId, now, exceptId) {
      const others = exceptId === undefined ? {} : { _id: { $ne: exceptId } };
      const { modifiedCount } = await model.updateMany({ userId, ...others, revokedAt: null }, { $set: endAt(now) });
      return modifiedCount;
    },
    async unannouncedEnds(userId) {
      const found = await model.find({ userId, unannouncedSince: { $exists: true } }, { _id: 1 }).lean();
      return found.map(({ _id }) => _id).sort();
    },
    async markEndsAnnounced(sessionIds) {
      await model.updateMany({ _id: { $in: sessionIds } }, { $unset: { unannouncedSince: 1 } });
    },
    async withUnannouncedEnds(before, limit) {
      const found = model.find({ unannouncedSince: { $lte: before } }, { userId: 1 }).sort({ unannouncedSince: 1 });
      return [...new Set((await found.limit(limit).lean()).map(({ userId }) => userId))];
    },
    ofUser: (userId) => model.find({ userId }).sort({ createdAt: -1 }).lean(),
    async deleteOf(userId) {
      await model.deleteMany({ userId });
    },
    countValid: (now) => model.countDocuments(validAt(now)),
  };
}
