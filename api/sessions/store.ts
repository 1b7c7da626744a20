import { Schema } from "mongoose";
import { addSeconds } from "../../core/clock";
import type { Mongo } from "../../core/mongo";
import { type SessionLifetime, sessionAbsoluteEnd, validityBounds } from "./rules";

/** A session as it is stored. Whoever steals the collection cannot log in with it. */
export interface StoredSession {
  /** Identifies the session to its owner; not a secret. */
  _id: string;
  /** SHA-256 of the token: the token itself exists at its holder alone. */
  tokenHash: string;
  userId: string;
  device: string;
  createdAt: Date;
  lastActivityAt: Date;
  revokedAt: Date | null;
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
    createdAt: { type: Date, required: true },
    lastActivityAt: { type: Date, required: true },
    revokedAt: { type: Date, default: null },
    purgeAt: { type: Date, required: true },
  },
  { collection: "sessions", versionKey: false },
);
schema.index({ tokenHash: 1 }, { unique: true });
schema.index({ userId: 1, lastActivityAt: -1 });
// Only deletes; whether a session is valid is decided when it is read.
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `sessions`. */
export interface SessionStore {
  insert(session: Omit<StoredSession, "lastActivityAt" | "revokedAt" | "purgeAt">): Promise<void>;
  /**
   * Records activity on the session with this token and returns it; null when it is not valid at `now` or unknown.
   * One conditional write and never an upsert: a session that was revoked cannot come back, whatever races it.
   */
  touch(tokenHash: string, now: Date): Promise<StoredSession | null>;
  findByTokenHash(tokenHash: string): Promise<StoredSession | null>;
  findById(sessionId: string): Promise<StoredSession | null>;
  /** A user's sessions that are valid at `now`, the most recently used first. */
  listValid(userId: string, now: Date): Promise<StoredSession[]>;
  /** Ends one session of a user; false when the user has none of this id that was still valid. */
  revoke(session: { sessionId: string; userId: string }, now: Date): Promise<boolean>;
  /** Ends the session with this token, if there is one. */
  revokeByTokenHash(tokenHash: string, now: Date): Promise<void>;
  /** Ends every session of a user but `exceptId`; returns how many. */
  revokeAll(userId: string, now: Date, exceptId?: string): Promise<number>;
  /** How many sessions are valid at `now`. */
  countValid(now: Date): Promise<number>;
}

const LIST_LIMIT = 100;

/** Creates the store of sessions. */
export function createSessionStore(mongo: Mongo, lifetime: SessionLifetime): SessionStore {
  const model = mongo.model<StoredSession>("Session", schema);

  function validAt(now: Date) {
    const { lastActivityAfter, createdAfter } = validityBounds(lifetime, now);
    return { revokedAt: null, lastActivityAt: { $gt: lastActivityAfter }, createdAt: { $gt: createdAfter } };
  }

  return {
    async insert(session) {
      const purgeAt = addSeconds(sessionAbsoluteEnd(session, lifetime), RETENTION_SECONDS);
      await model.create({ ...session, lastActivityAt: session.createdAt, revokedAt: null, purgeAt });
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
    listValid: (userId, now) =>
      model
        .find({ userId, ...validAt(now) })
        .sort({ lastActivityAt: -1 })
        .limit(LIST_LIMIT)
        .lean(),
    async revoke({ sessionId, userId }, now) {
      const { modifiedCount } = await model.updateOne(
        { _id: sessionId, userId, ...validAt(now) },
        { $set: { revokedAt: now } },
      );
      return modifiedCount === 1;
    },
    async revokeByTokenHash(tokenHash, now) {
      await model.updateOne({ tokenHash, revokedAt: null }, { $set: { revokedAt: now } });
    },
    async revokeAll(userId, now, exceptId) {
      const others = exceptId === undefined ? {} : { _id: { $ne: exceptId } };
      const { modifiedCount } = await model.updateMany(
        { userId, ...others, revokedAt: null },
        { $set: { revokedAt: now } },
      );
      return modifiedCount;
    },
    countValid: (now) => model.countDocuments(validAt(now)),
  };
}
