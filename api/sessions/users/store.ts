import { Schema } from "mongoose";
import type { BlindIndex } from "../../../core/keys/blindIndex";
import type { EncryptedFields, FieldCipher } from "../../../core/keys/fieldCipher";
import { isDuplicateKey, type Mongo } from "../../../core/mongo";

/** A login account. */
export interface User {
  _id: string;
  /** In the form of `normalizeEmail`; unique. */
  email: string;
  name: string;
  /** Argon2id as a PHC string: algorithm, parameters, salt and hash in one. */
  passwordHash: string;
  createdAt: Date;
  /** Counts the passwords the account has had: 1 at first. */
  passwordVersion: number;
}

/** An account as it is stored: `email` and `name` are encrypted. */
interface StoredUser extends User {
  /** What the account is found by, and what makes its e-mail address unique. */
  emailIndex: string;
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
    passwordHash: { type: String, required: true },
    createdAt: { type: Date, required: true },
    passwordVersion: { type: Number, required: true },
  },
  { collection: "users", versionKey: false },
);
schema.index({ emailIndex: 1 }, { unique: true });

/** The collection `users`. */
export interface UserStore {
  /** Adds an account; false when its address has one already, also when both were added at the same moment. */
  insert(user: User): Promise<boolean>;
  findByEmail(email: string): Promise<User | null>;
  findById(userId: string): Promise<User | null>;
  /**
   * Replaces a password hash, provided it is still the one that was verified; false when another change came first.
   *
   * @param change.isNewPassword false when the same password is only hashed anew
   */
  replacePasswordHash(change: { userId: string; from: string; to: string; isNewPassword: boolean }): Promise<boolean>;
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
    if (stored === null) return null;
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
        if (isDuplicateKey(error, "emailIndex")) return false;
        throw error;
      }
    },
    findByEmail: async (email) => decrypt(await model.findOne({ emailIndex: await indexOf(email) }).lean()),
    findById: async (userId) => decrypt(await model.findById(userId).lean()),
    async replacePasswordHash({ userId, from, to, isNewPassword }) {
      const change = { $set: { passwordHash: to }, $inc: { passwordVersion: isNewPassword ? 1 : 0 } };
      const { modifiedCount } = await model.updateOne({ _id: userId, passwordHash: from }, change);
      return modifiedCount === 1;
    },
  };
}
