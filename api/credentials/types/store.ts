import { Schema } from "mongoose";
import { type Mongo, isDuplicateKey } from "../../../core/mongo";

/** A JSON Schema that claims of one type were or are validated against. */
export interface ClaimSchema {
  /** SHA-256 of issuer, type and schema, 64 hexadecimal digits: a schema never changes under its name. */
  schemaId: string;
  issuer: string;
  type: string;
  /** JSON, as it is served. */
  body: string;
  createdAt: Date;
}

type Stored = Omit<ClaimSchema, "schemaId"> & { _id: string };

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    issuer: { type: String, required: true },
    type: { type: String, required: true },
    body: { type: String, required: true },
    createdAt: { type: Date, required: true },
  },
  { collection: "credential_schemas", versionKey: false },
);
schema.index({ issuer: 1, type: 1, createdAt: -1 });

/** The collection `credential_schemas`. */
export interface TypeStore {
  /** Makes it the present schema of its type. */
  put(claimSchema: ClaimSchema): Promise<void>;
  find(schemaId: string): Promise<ClaimSchema | null>;
  /** The present schema of an issuer's type. */
  current(issuer: string, type: string): Promise<ClaimSchema | null>;
  /** The present schema of each type of an issuer. */
  ofIssuer(issuer: string): Promise<ClaimSchema[]>;
}

/** Creates the store of claim schemas. */
export function createTypeStore(mongo: Mongo): TypeStore {
  const model = mongo.model<Stored>("CredentialSchema", schema);
  const named = ({ _id: schemaId, ...rest }: Stored): ClaimSchema => ({ schemaId, ...rest });
  const rename = (stored: Stored | null) => (stored === null ? null : named(stored));
  return {
    async put({ schemaId, ...claimSchema }) {
      try {
        await model.updateOne({ _id: schemaId }, { $set: claimSchema }, { upsert: true });
      } catch (error) {
        // Another request stored the same document at the same time.
        if (!isDuplicateKey(error, "_id")) throw error;
      }
    },
    find: async (schemaId) => rename(await model.findById(schemaId).lean()),
    current: async (issuer, type) => rename(await model.findOne({ issuer, type }).sort({ createdAt: -1 }).lean()),
    async ofIssuer(issuer) {
      const all = await model.find({ issuer }).sort({ createdAt: 1 }).lean();
      // The newest of each type is the last one to take its place.
      return [...new Map(all.map((stored) => [stored.type, named(stored)])).values()];
    },
  };
}
