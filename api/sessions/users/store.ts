import { Schema } from "mongoose";
import type { BlindIndex } from "../../../core/keys/blindIndex";
import type { EncryptedFields, FieldCipher } from "../../../core/keys/fieldCipher";
import { isDuplicateKey, type Mongo } from "../../../core/mongo";

/** A login account. */
export interface User {
  _id: string;
  /** In the form of `normalizeEmail` (api/http/loginFields.ts); unique. */
  email: string;
  name: string;
  /** Argon2id as a PHC string: algorithm, parameters, salt and hash in one; null where there is no password. */
  passwordHash: string | null;
  createdAt: Date;
  /** Counts changes of the password: 1 for the first password, 0 where there was none. */
  passwordVersion: number;
  /** When somebody proved to read the mail of the address; null where nobody did. */
  emailVerifiedAt: Date | null;
}

/** An account as it is stored: `email` and `name` are encrypted. */
interface StoredUser extends User {
  /** What the account is found by, and what makes its e-mail address unique. */
  emailIndex: string;
  /** Present once the account is to be erased: e-mail address, name and password are gone then. */
  erasure?: StoredErasure;
}

/** What is known of an account that is erased, or being erased. */
export interface Erasure {
  state: "erasing" | "erased";
  since: Date;
  /** Those the user held, while there is something to erase. */
  dids: string[];
}

interface StoredErasure extends Omit<Erasure, "dids"> {
  dids?: string[];
  /** When the next round is due; absent when there is none. */
  dueAt?: Date;
  erasedAt?: Date;
}

/** What of an account is encrypted. */
export const ENCRYPTED_USER_FIELDS = {
  collection: "users",
  fields: ["email", "name"],
} as const satisfies EncryptedFields;

const schema = new Schema<StoredUser>(
  {
    _id: { type: String, required: true },
    email: { type: String, required: true },
    emailIndex: { type: String, required: true },
    name: { type: String, required: true },
    passwordHash: { type: String, default: null },
    createdAt: { type: Date, required: true },
    passwordVersion: { type: Number, required: true },
    emailVerifiedAt: { type: Date, default: null },
    erasure: new Schema<StoredErasure>(
      { state: String, since: Date, dids: { type: [String], default: undefined }, dueAt: Date, erasedAt: Date },
      { _id: false },
    ),
  },
  { collection: "users", versionKey: false },
);
// Sparse: an erased account has none, and its address is free.
schema.index({ emailIndex: 1 }, { unique: true, sparse: true });
schema.index({ "erasure.dueAt": 1 }, { sparse: true });

/** The collection `users`. */
export interface UserStore {
  /** Adds an account; false when its address has one, or its id, also when both were added at the same moment. */
  insert(user: User): Promise<boolean>;
  findByEmail(email: string): Promise<User | null>;
  /** Null also for an account that is erased, or being erased. */
  findById(userId: string): Promise<User | null>;
  /** Replaces a user's name; false when the account is gone. */
  rename(userId: string, name: string): Promise<boolean>;
  /**
   * Replaces a password hash, provided it is still the one that was verified; false when another change came first.
   *
   * @param change.isNewPassword false when the same password is only hashed anew
   */
  replacePasswordHash(change: { userId: string; from: string; to: string; isNewPassword: boolean }): Promise<boolean>;
  /** Records that somebody proved to read the mail of the account's address; the first time stays. */
  confirmEmail(userId: string, now: Date): Promise<void>;
  /** Takes the password away, provided it was not changed since `passwordVersion`; doing so again changes nothing. */
  removePassword(account: { userId: string; passwordVersion: number }): Promise<void>;
  /** Takes e-mail address, name and password away and says that the rest is to follow; the first time stays. */
  beginErasure(userId: string, now: Date): Promise<void>;
  findErasure(userId: string): Promise<Erasure | null>;
  /** Stores DIDs that the user held, while the account is being erased. */
  addErasureDids(userId: string, dids: string[]): Promise<void>;
  /** Sets when the next round is due. */
  scheduleErasure(userId: string, dueAt: Date): Promise<void>;
  /** Records that nothing is left to erase. What stays is the id, and when it was opened and erased. */
  finishErasure(userId: string, now: Date): Promise<void>;
  /** Accounts whose next round is due, the longest waiting first. */
  dueErasures(now: Date, limit: number): Promise<string[]>;
}

/** Creates the store of accounts. */
export function createUserStore(deps: { mongo: Mongo; fields: FieldCipher; blindIndex: BlindIndex }): UserStore {
  const { mongo, fields } = deps;
  const model = mongo.model<StoredUser>("User", schema);
  const place = (field: (typeof ENCRYPTED_USER_FIELDS.fields)[number], id: string) => ({
    collection: ENCRYPTED_USER_FIELDS.collection,
    field,
    id,
  });
  const indexOf = (email: string) => deps.blindIndex("users.email", email);

  async function decrypt(stored: StoredUser | null): Promise<User | null> {
    if (stored === null || stored.erasure !== undefined) return null;
    const { emailIndex: _index, ...user } = stored;
    const [email, name] = await Promise.all([
      fields.decrypt(place("email", user._id), user.email),
      fields.decrypt(place("name", user._id), user.name),
    ]);
    return { ...user, email, name };
  }

  return {
    async insert(user) {
      const { _id, email, name } = user;
      const [emailIndex, ...encrypted] = await Promise.all([
        indexOf(email),
        fields.encrypt(place("email", _id), email),
        fields.encrypt(place("name", _id), name),
      ]);
      try {
        await model.create({ ...user, email: encrypted[0], name: encrypted[1], emailIndex });
        return true;
      } catch (error) {
        if (isDuplicateKey(error, "emailIndex") || isDuplicateKey(error, "_id")) return false;
        throw error;
      }
    },
    findByEmail: async (email) => decrypt(await model.findOne({ emailIndex: await indexOf(email) }).lean()),
    findById: async (userId) => decrypt(await model.findById(userId).lean()),
    async rename(userId, name) {
      const encrypted = await fields.encrypt(place("name", userId), name);
      const { matchedCount } = await model.updateOne(
        { _id: userId, erasure: { $exists: false } },
        { $set: { name: encrypted } },
      );
      return matchedCount === 1;
    },
    async replacePasswordHash({ userId, from, to, isNewPassword }) {
      const change = { $set: { passwordHash: to }, $inc: { passwordVersion: isNewPassword ? 1 : 0 } };
      const { modifiedCount } = await model.updateOne({ _id: userId, passwordHash: from }, change);
      return modifiedCount === 1;
    },
    async confirmEmail(userId, now) {
      await model.updateOne(
        { _id: userId, emailVerifiedAt: null, erasure: { $exists: false } },
        { $set: { emailVerifiedAt: now } },
      );
    },
    async removePassword({ userId, passwordVersion }) {
      await model.updateOne(
        { _id: userId, passwordVersion },
        { $set: { passwordHash: null }, $inc: { passwordVersion: 1 } },
      );
    },
    async beginErasure(userId, now) {
      const erasure = { state: "erasing" as const, since: now, dids: [], dueAt: now };
      // The version: whoever is logging in right now finds that the password is another one.
      await model.updateOne(
        { _id: userId, erasure: { $exists: false } },
        {
          $set: { erasure },
          $unset: { email: 1, emailIndex: 1, name: 1, passwordHash: 1, emailVerifiedAt: 1 },
          $inc: { passwordVersion: 1 },
        },
      );
    },
    async findErasure(userId) {
      const erasure = (await model.findById(userId, { erasure: 1 }).lean())?.erasure;
      return erasure === undefined ? null : { state: erasure.state, since: erasure.since, dids: erasure.dids ?? [] };
    },
    async addErasureDids(userId, dids) {
      await model.updateOne(
        { _id: userId, "erasure.state": "erasing" },
        { $addToSet: { "erasure.dids": { $each: dids } } },
      );
    },
    async scheduleErasure(userId, dueAt) {
      await model.updateOne({ _id: userId, "erasure.state": "erasing" }, { $set: { "erasure.dueAt": dueAt } });
    },
    async finishErasure(userId, now) {
      await model.updateOne(
        { _id: userId, "erasure.state": "erasing" },
        {
          $set: { "erasure.state": "erased", "erasure.erasedAt": now },
          $unset: { "erasure.dids": 1, "erasure.dueAt": 1 },
        },
      );
    },
    async dueErasures(now, limit) {
      const due = model.find({ "erasure.dueAt": { $lte: now } }, { _id: 1 }).sort({ "erasure.dueAt": 1 });
      return (await due.limit(limit).lean()).map(({ _id }) => _id);
    },
  };
}
