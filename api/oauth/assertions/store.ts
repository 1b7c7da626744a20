import { Schema } from "mongoose";
import { isDuplicateKey, type Mongo } from "../../../core/mongo";

interface Stored {
  /** SHA-256 of the client's id and the assertion's `jti`. */
  _id: string;
  purgeAt: Date;
}

const schema = new Schema<Stored>(
  { _id: { type: String, required: true }, purgeAt: { type: Date, required: true } },
  { collection: "oauth_assertions", versionKey: false },
);
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `oauth_assertions`: the assertions by which clients authenticated, until those expire. */
export interface AssertionStore {
  /** Marks an assertion as used; of any number of callers with the same id one gets true. */
  use(id: string, purgeAt: Date): Promise<boolean>;
}

/** Creates the store of used assertions. */
export function createAssertionStore(mongo: Mongo): AssertionStore {
  const model = mongo.model<Stored>("OAuthAssertion", schema);
  return {
    async use(id, purgeAt) {
      try {
        await model.create({ _id: id, purgeAt });
        return true;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },
  };
}
