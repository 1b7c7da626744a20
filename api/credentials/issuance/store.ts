import { Schema } from "mongoose";
import { addSeconds } from "../../../core/clock";
import { isDuplicateKey, type Mongo, rawCollection } from "../../../core/mongo";

interface Stored {
  /** SHA-256 of the nonce. */
  _id: string;
  purgeAt: Date;
}

const schema = new Schema<Stored>(
  { _id: { type: String, required: true }, purgeAt: { type: Date, required: true } },
  { collection: "issuance_nonces", versionKey: false },
);
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The clocks of several processes may differ by so much. */
const CLOCK_SKEW_SECONDS = 300;

/** The collection `issuance_nonces`: nonces that were consumed, until they are expired anyway. */
export interface NonceStore {
  /** False when it was consumed before; of any number of callers one gets true. */
  consume(nonceHash: string, expiresAt: Date): Promise<boolean>;
}

/** Creates the store of consumed nonces. */
export function createNonceStore(mongo: Mongo): NonceStore {
  mongo.model<Stored>("IssuanceNonce", schema);
  const nonces = () => rawCollection<Stored>(mongo, "issuance_nonces");
  return {
    async consume(nonceHash, expiresAt) {
      try {
        await nonces().insertOne({ _id: nonceHash, purgeAt: addSeconds(expiresAt, CLOCK_SKEW_SECONDS) });
        return true;
      } catch (error) {
        if (isDuplicateKey(error, "_id")) return false;
        throw error;
      }
    },
  };
}
