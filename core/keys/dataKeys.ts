import { Schema } from "mongoose";
import { isDuplicateKey, type Mongo } from "../mongo";

/** A key that encrypts fields of documents, by its id in the key store. */
export interface DataKey {
  keyId: string;
  createdAt: Date;
}

/** The data keys of an installation. */
export interface DataKeys {
  /** The one that encrypts; all of them decrypt. */
  primary: string;
  /** The oldest first. */
  keys: DataKey[];
  /** Since when `primary` is. */
  primarySince: Date;
}

type Stored = DataKeys & { _id: string };

/** The form of a data key's id; no other key of the key store may stand in a ciphertext. */
export const DATA_KEY_ID = /^data-[1-9]\d{0,8}$/;

const ID = "fields";

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    primary: { type: String, required: true },
    keys: [new Schema<DataKey>({ keyId: String, createdAt: Date }, { _id: false })],
    primarySince: { type: Date, required: true },
  },
  { collection: "data_keys", versionKey: false },
);

/** The collection `data_keys`, one document: which keys there are. The keys themselves are in the key store. */
export interface DataKeyStore {
  /** Null before the first field was encrypted. */
  read(): Promise<DataKeys | null>;
  /** Makes a key the first one, unless there is one. @returns the keys there are then */
  begin(keyId: string, now: Date): Promise<DataKeys>;
  /** Makes a new key primary; false when `from` is not primary any more. One caller gets true. */
  rotate(from: string, to: string, now: Date): Promise<boolean>;
  /** Removes a key that is not primary; false when it is primary or not there. */
  remove(keyId: string): Promise<boolean>;
}

/** Creates the store of which data keys there are. */
export function createDataKeyStore(mongo: Mongo): DataKeyStore {
  const model = mongo.model<Stored>("DataKeys", schema);

  async function read(): Promise<DataKeys | null> {
    return model.findById(ID, { _id: 0 }).lean();
  }

  return {
    read,
    async begin(keyId, now) {
      try {
        await model.create({ _id: ID, primary: keyId, keys: [{ keyId, createdAt: now }], primarySince: now });
      } catch (error) {
        if (!isDuplicateKey(error, "_id")) throw error;
      }
      const present = await read();
      if (present === null) throw new Error("the document of data_keys that was just written is gone");
      return present;
    },
    async rotate(from, to, now) {
      const added = { $set: { primary: to, primarySince: now }, $push: { keys: { keyId: to, createdAt: now } } };
      return (await model.updateOne({ _id: ID, primary: from }, added)).modifiedCount === 1;
    },
    async remove(keyId) {
      const removed = await model.updateOne({ _id: ID, primary: { $ne: keyId } }, { $pull: { keys: { keyId } } });
      return removed.modifiedCount === 1;
    },
  };
}

/** The id of the first data key. */
export const FIRST_DATA_KEY = "data-1";

/** The id of the key that follows these: no id is given twice, also when a key between them was removed. */
export function nextDataKeyId({ primary }: Pick<DataKeys, "primary">): string {
  return `data-${Number(primary.slice("data-".length)) + 1}`;
}
