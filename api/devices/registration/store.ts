import { Schema } from "mongoose";
import { addSeconds } from "../../../core/clock";
import type { EncryptedFields, FieldCipher } from "../../../core/keys/fieldCipher";
import type { Mongo } from "../../../core/mongo";
import { type EmailChallenge, MAX_ATTEMPTS, type Registration } from "./rules";

/** As it is stored: e-mail address and the device's name are encrypted. */
interface StoredChallenge extends Omit<EmailChallenge, "challengeId" | "registration"> {
  _id: string;
  registration: Omit<Registration, "deviceName"> | null;
  /** Null while the challenge is open. */
  deviceName: string | null;
  /** When a sweep queues the mail again; absent once it was handed over or given up. */
  sweepAt?: Date;
  purgeAt: Date;
}

/** What of a challenge is encrypted. */
export const ENCRYPTED_EMAIL_CHALLENGE_FIELDS = {
  collection: "email_challenges",
  fields: ["email", "deviceName"],
} as const satisfies EncryptedFields;

/** How long an expired challenge is stored, so that a late answer is rejected as late. */
const RETENTION_SECONDS = 60 * 60;

const registration = new Schema<StoredChallenge["registration"]>(
  {
    deviceSessionId: { type: String, required: true },
    userId: { type: String, required: true },
    publicKey: { type: String, required: true },
    admission: { type: String, required: true },
    passwordVersion: { type: Number, required: true },
  },
  { _id: false },
);

// In MongoDB rather than Redis: a Redis that lost its memory would hand out attempts anew.
const schema = new Schema<StoredChallenge>(
  {
    _id: { type: String, required: true },
    email: { type: String, required: true },
    attempts: { type: Number, required: true },
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    registration: { type: registration, default: null },
    deviceName: { type: String, default: null },
    finishedAt: { type: Date, default: null },
    sweepAt: Date,
    purgeAt: { type: Date, required: true },
  },
  { collection: "email_challenges", versionKey: false },
);
schema.index({ sweepAt: 1 }, { sparse: true });
schema.index({ "registration.userId": 1 }, { sparse: true });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `email_challenges`. No code is in it. */
export interface EmailChallengeStore {
  insert(
    challenge: Pick<EmailChallenge, "challengeId" | "email" | "createdAt" | "expiresAt">,
    sweepAt: Date,
  ): Promise<void>;
  find(challengeId: string): Promise<EmailChallenge | null>;
  /**
   * Counts an attempt by one conditional write, before anything is compared.
   *
   * @returns the challenge, the attempt included; null when it is unknown, used or expired, or has no attempt left
   */
  countAttempt(challengeId: string, now: Date): Promise<EmailChallenge | null>;
  /** Uses an open challenge for a registration, for good; of any number of callers one gets true. */
  use(challengeId: string, registration: Registration): Promise<boolean>;
  /** Records that the device's session is stored. */
  finish(challengeId: string, now: Date): Promise<void>;
  /** Challenges whose mail was not handed over in time, the longest waiting first. */
  unsent(now: Date, limit: number): Promise<string[]>;
  /** The mail was handed over, or nobody will take it. */
  endSending(challengeId: string): Promise<void>;
  /** Sets when a sweep queues the mail again. */
  postponeSending(challengeId: string, sweepAt: Date): Promise<void>;
  /** Deletes those that registered a device for a user. */
  deleteOf(userId: string): Promise<void>;
}

/** Creates the store of challenges. */
export function createEmailChallengeStore(deps: { mongo: Mongo; fields: FieldCipher }): EmailChallengeStore {
  const { mongo, fields } = deps;
  const model = mongo.model<StoredChallenge>("EmailChallenge", schema);
  const place = (field: (typeof ENCRYPTED_EMAIL_CHALLENGE_FIELDS.fields)[number], id: string) => ({
    collection: ENCRYPTED_EMAIL_CHALLENGE_FIELDS.collection,
    field,
    id,
  });

  async function decrypt(stored: StoredChallenge | null): Promise<EmailChallenge | null> {
    if (stored === null) return null;
    const { _id: challengeId, attempts, createdAt, expiresAt, finishedAt } = stored;
    const email = await fields.decrypt(place("email", challengeId), stored.email);
    const registered = await decryptRegistration(stored);
    return { challengeId, email, attempts, createdAt, expiresAt, registration: registered, finishedAt };
  }

  async function decryptRegistration({ _id, deviceName, registration }: StoredChallenge): Promise<Registration | null> {
    if (registration === null || deviceName === null) return null;
    return { ...registration, deviceName: await fields.decrypt(place("deviceName", _id), deviceName) };
  }

  return {
    async insert({ challengeId, createdAt, expiresAt, ...challenge }, sweepAt) {
      const email = await fields.encrypt(place("email", challengeId), challenge.email);
      const purgeAt = addSeconds(expiresAt, RETENTION_SECONDS);
      await model.create({ _id: challengeId, email, attempts: 0, createdAt, expiresAt, sweepAt, purgeAt });
    },
    find: async (challengeId) => decrypt(await model.findById(challengeId).lean()),
    async countAttempt(challengeId, now) {
      const counted = model.findOneAndUpdate(
        { _id: challengeId, registration: null, attempts: { $lt: MAX_ATTEMPTS }, expiresAt: { $gt: now } },
        { $inc: { attempts: 1 } },
        { returnDocument: "after" },
      );
      return decrypt(await counted.lean());
    },
    async use(challengeId, { deviceName: name, ...registration }) {
      const deviceName = await fields.encrypt(place("deviceName", challengeId), name);
      const used = await model.updateOne(
        { _id: challengeId, registration: null },
        { $set: { registration, deviceName } },
      );
      return used.modifiedCount === 1;
    },
    async finish(challengeId, now) {
      await model.updateOne({ _id: challengeId, finishedAt: null }, { $set: { finishedAt: now } });
    },
    async unsent(now, limit) {
      const due = model.find({ sweepAt: { $lte: now } }, { _id: 1 }).sort({ sweepAt: 1 });
      return (await due.limit(limit).lean()).map(({ _id }) => _id);
    },
    async endSending(challengeId) {
      await model.updateOne({ _id: challengeId }, { $unset: { sweepAt: 1 } });
    },
    async postponeSending(challengeId, sweepAt) {
      await model.updateOne({ _id: challengeId, sweepAt: { $exists: true } }, { $set: { sweepAt } });
    },
    async deleteOf(userId) {
      await model.deleteMany({ "registration.userId": userId });
    },
  };
}
