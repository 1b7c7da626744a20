import { Schema } from "mongoose";
import { isDuplicateKey, type Mongo } from "../../../core/mongo";

/** A login account as it is stored. */
export interface StoredUser {
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

const schema = new Schema<StoredUser>(
  {
    _id: { type: String, required: true },
    email: { type: String, required: true },
    name: { type: String, required: true },
    passwordHash: { type: String, required: true },
    createdAt: { type: Date, required: true },
    passwordVersion: { type: Number, required: true },
  },
  { collection: "users", versionKey: false },
);
schema.index({ email: 1 }, { unique: true });

/** The collection `users`. */
export interface UserStore {
  /** Adds an account; false when its address has one already, also when both were added at the same moment. */
  insert(user: StoredUser): Promise<boolean>;
  findByEmail(email: string): Promise<StoredUser | null>;
  findById(userId: string): Promise<StoredUser | null>;
  /**
   * Replaces a password hash, provided it is still the one that was verified; false when another change came first.
   *
   * @param change.isNewPassword false when the same password is only hashed anew
   */
  replacePasswordHash(change: { userId: string; from: string; to: string; isNewPassword: boolean }): Promise<boolean>;
}

/** Creates the store of accounts. */
export function createUserStore(mongo: Mongo): UserStore {
  const model = mongo.model<StoredUser>("User", schema);
  return {
    async insert(user) {
      try {
        await model.create(user);
        return true;
      } catch (error) {
        if (isDuplicateKey(error, "email")) return false;
        throw error;
      }
    },
    findByEmail: (email) => model.findOne({ email }).lean(),
    findById: (userId) => model.findById(userId).lean(),
    async replacePasswordHash({ userId, from, to, isNewPassword }) {
      const change = { $set: { passwordHash: to }, $inc: { passwordVersion: isNewPassword ? 1 : 0 } };
      const { modifiedCount } = await model.updateOne({ _id: userId, passwordHash: from }, change);
      return modifiedCount === 1;
    },
  };
}
