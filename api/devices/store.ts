import { Schema } from "mongoose";
import { addSeconds } from "../../core/clock";
import type { EncryptedFields, FieldCipher } from "../../core/keys/fieldCipher";
import { isDuplicateKey, type Mongo } from "../../core/mongo";
import { ACTIVITY_INTERVAL_SECONDS, activeBounds, deviceSessionAbsoluteEnd, type DeviceSessionTimes } from "./rules";

/** A device that is logged in: its key signs every command. Nothing of it is a secret. */
export interface DeviceSession extends DeviceSessionTimes {
  _id: string;
  userId: string;
  /** Raw Ed25519 public key, 32 bytes as base64url; accepted by `assertAcceptableKey`. */
  publicKey: string;
  /** What its owner calls the device. */
  name: string;
}

/** As it is stored: `name` is encrypted, because people name devices after themselves. */
interface StoredDeviceSession extends DeviceSession {
  /** When it was revoked, until the event that says so is stored. */
  unannouncedSince?: Date;
  purgeAt: Date;
}

/** What of a device's session is encrypted. */
export const ENCRYPTED_DEVICE_SESSION_FIELDS = {
  collection: "device_sessions",
  fields: ["name"],
} as const satisfies EncryptedFields;

// Stored for a day past their end, so that a returning device learns why the session is over.
const RETENTION_SECONDS = 24 * 60 * 60;

const LIST_LIMIT = 100;

const schema = new Schema<StoredDeviceSession>(
  {
    _id: { type: String, required: true },
    userId: { type: String, required: true },
    publicKey: { type: String, required: true },
    name: { type: String, required: true },
    createdAt: { type: Date, required: true },
    lastActivityAt: { type: Date, required: true },
    revokedAt: { type: Date, default: null },
    unannouncedSince: Date,
    purgeAt: { type: Date, required: true },
  },
  { collection: "device_sessions", versionKey: false },
);
schema.index({ userId: 1, lastActivityAt: -1 });
schema.index({ unannouncedSince: 1 }, { sparse: true });
// Only deletes; whether a session is active is decided when it is read.
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** A device's session without its name: what decides about a command. */
export type DeviceSessionKey = Omit<DeviceSession, "name">;

/** The collection `device_sessions`. */
export interface DeviceSessionStore {
  /** Adds a session; one of this id that is stored already stays as it is, ended or not. */
  insert(session: Pick<DeviceSession, "_id" | "userId" | "publicKey" | "name" | "createdAt">): Promise<void>;
  find(deviceSessionId: string): Promise<DeviceSessionKey | null>;
  /** Those of these ids that are stored, in no order. */
  findMany(deviceSessionIds: string[]): Promise<DeviceSessionKey[]>;
  /**
   * Records activity on those of these sessions that are active and have none recorded in the last 5 minutes. Never an
   * upsert: a session that was revoked cannot come back, whatever races it.
   */
  touch(deviceSessionIds: string[], now: Date): Promise<void>;
  /** A user's active sessions, the most recently used first; at most 100. */
  listActive(userId: string, now: Date): Promise<DeviceSession[]>;
  /** Ends one session of a user; false when the user has none of this id that was still active. */
  revoke(session: { deviceSessionId: string; userId: string }, now: Date): Promise<boolean>;
  /** Ends every session of a user but `exceptId`; returns how many. */
  revokeAll(userId: string, now: Date, exceptId?: string): Promise<number>;
  /** A user's revoked sessions of which no event says so yet. */
  unannouncedEnds(userId: string): Promise<string[]>;
  markEndsAnnounced(deviceSessionIds: string[]): Promise<void>;
  /** Users of sessions that were revoked before `before` and of which no event says so yet. */
  withUnannouncedEnds(before: Date, limit: number): Promise<string[]>;
  /** All of a user's sessions that are stored, the newest first. */
  ofUser(userId: string): Promise<DeviceSession[]>;
  /** Deletes all of a user's sessions. */
  deleteOf(userId: string): Promise<void>;
  /** How many sessions are active at `now`. */
  countActive(now: Date): Promise<number>;
}

/** Creates the store of devices' sessions. */
export function createDeviceSessionStore(deps: { mongo: Mongo; fields: FieldCipher }): DeviceSessionStore {
  const { mongo, fields } = deps;
  const model = mongo.model<StoredDeviceSession>("DeviceSession", schema);
  const placeOf = (id: string) => ({ collection: ENCRYPTED_DEVICE_SESSION_FIELDS.collection, field: "name", id });

  function activeAt(now: Date) {
    const { lastActivityAfter, createdAfter } = activeBounds(now);
    return { revokedAt: null, lastActivityAt: { $gt: lastActivityAfter }, createdAt: { $gt: createdAfter } };
  }

  async function decrypt(stored: StoredDeviceSession): Promise<DeviceSession> {
    const { _id, userId, publicKey, createdAt, lastActivityAt, revokedAt } = stored;
    const name = await fields.decrypt(placeOf(_id), stored.name);
    return { _id, userId, publicKey, name, createdAt, lastActivityAt, revokedAt };
  }

  const WITHOUT_NAME = { name: 0, unannouncedSince: 0, purgeAt: 0 } as const;

  return {
    async insert(session) {
      const { _id, createdAt } = session;
      const name = await fields.encrypt(placeOf(_id), session.name);
      const purgeAt = addSeconds(deviceSessionAbsoluteEnd({ createdAt }), RETENTION_SECONDS);
      try {
        await model.create({ ...session, name, lastActivityAt: createdAt, revokedAt: null, purgeAt });
      } catch (error) {
        if (!isDuplicateKey(error, "_id")) throw error;
      }
    },
    find: (deviceSessionId) => model.findById(deviceSessionId, WITHOUT_NAME).lean(),
    findMany: (deviceSessionIds) => model.find({ _id: { $in: deviceSessionIds } }, WITHOUT_NAME).lean(),
    async touch(deviceSessionIds, now) {
      const { lastActivityAt, ...active } = activeAt(now);
      await model.updateMany(
        {
          _id: { $in: deviceSessionIds },
          ...active,
          lastActivityAt: { ...lastActivityAt, $lte: addSeconds(now, -ACTIVITY_INTERVAL_SECONDS) },
        },
        { $max: { lastActivityAt: now } },
      );
    },
    async listActive(userId, now) {
      const found = model.find({ userId, ...activeAt(now) }).sort({ lastActivityAt: -1 });
      return Promise.all((await found.limit(LIST_LIMIT).lean()).map(decrypt));
    },
    async revoke({ deviceSessionId, userId }, now) {
      const { modifiedCount } = await model.updateOne(
        { _id: deviceSessionId, userId, ...activeAt(now) },
        { $set: { revokedAt: now, unannouncedSince: now } },
      );
      return modifiedCount === 1;
    },
    async revokeAll(userId, now, exceptId) {
      const others = exceptId === undefined ? {} : { _id: { $ne: exceptId } };
      const { modifiedCount } = await model.updateMany(
        { userId, ...others, revokedAt: null },
        { $set: { revokedAt: now, unannouncedSince: now } },
      );
      return modifiedCount;
    },
    async unannouncedEnds(userId) {
      const found = await model.find({ userId, unannouncedSince: { $exists: true } }, { _id: 1 }).lean();
      return found.map(({ _id }) => _id).sort();
    },
    async markEndsAnnounced(deviceSessionIds) {
      await model.updateMany({ _id: { $in: deviceSessionIds } }, { $unset: { unannouncedSince: 1 } });
    },
    async withUnannouncedEnds(before, limit) {
      const found = model.find({ unannouncedSince: { $lte: before } }, { userId: 1 }).sort({ unannouncedSince: 1 });
      return [...new Set((await found.limit(limit).lean()).map(({ userId }) => userId))];
    },
    ofUser: async (userId) => Promise.all((await model.find({ userId }).sort({ createdAt: -1 }).lean()).map(decrypt)),
    async deleteOf(userId) {
      await model.deleteMany({ userId });
    },
    countActive: (now) => model.countDocuments(activeAt(now)),
  };
}
