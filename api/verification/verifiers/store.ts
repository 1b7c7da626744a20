import { Schema } from "mongoose";
import { type ApiKeyRecord, apiKeySchema } from "../../../core/keys/apiKeys";
import { batchFindById } from "../../../core/batchFindById";
import type { Mongo } from "../../../core/mongo";

/** Who may ask to see credentials. */
export interface VerifierAccount {
  verifierId: string;
  /** What holders read in their wallet. */
  name: string;
  /** Receives the outcomes of verifications; null for no webhook. */
  webhookUrl: string | null;
  /** Where a wallet may send the browser after a presentation. */
  redirectUris: string[];
  apiKeys: ApiKeyRecord[];
  createdAt: Date;
}

/** What of an account can be changed; what is absent stays. */
export type VerifierChange = Partial<Pick<VerifierAccount, "name" | "webhookUrl" | "redirectUris">>;

type Stored = Omit<VerifierAccount, "verifierId"> & { _id: string };

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    name: { type: String, required: true },
    webhookUrl: { type: String, default: null },
    redirectUris: { type: [String], default: [] },
    apiKeys: { type: [apiKeySchema], required: true },
    createdAt: { type: Date, required: true },
  },
  { collection: "verifier_accounts", versionKey: false },
);
schema.index({ "apiKeys.hash": 1 }, { unique: true });

/** The collection `verifier_accounts`. */
export interface VerifierStore {
  insert(account: VerifierAccount): Promise<void>;
  find(verifierId: string): Promise<VerifierAccount | null>;
  /** The account whose key has this hash, revoked keys included. */
  findByApiKey(hash: string): Promise<VerifierAccount | null>;
  list(): Promise<VerifierAccount[]>;
  /** Changes what is given; null when there is no such account. */
  update(verifierId: string, change: VerifierChange): Promise<VerifierAccount | null>;
  addApiKey(verifierId: string, record: ApiKeyRecord): Promise<boolean>;
  /** False when the account has no such key. */
  revokeApiKey(verifierId: string, id: string, now: Date): Promise<boolean>;
}

/** Creates the store of verifiers. */
export function createVerifierStore(mongo: Mongo): VerifierStore {
  const model = mongo.model<Stored>("VerifierAccount", schema);
  const rename = ({ _id, ...rest }: Stored): VerifierAccount => ({ verifierId: _id, ...rest });
  return {
    async insert({ verifierId, ...account }) {
      await model.create({ ...account, _id: verifierId });
    },
    async find(verifierId) {
      const found = await batchFindById<Stored>(mongo, "verifier_accounts", verifierId);
      return found && rename(found);
    },
    async findByApiKey(hash) {
      const found = await model.findOne({ "apiKeys.hash": hash }).lean();
      return found && rename(found);
    },
    list: async () => (await model.find({}).sort({ createdAt: 1 }).lean()).map(rename),
    async update(verifierId, change) {
      const found = await model
        .findOneAndUpdate({ _id: verifierId }, { $set: change }, { returnDocument: "after" })
        .lean();
      return found && rename(found);
    },
    async addApiKey(verifierId, record) {
      const added = await model.updateOne({ _id: verifierId }, { $push: { apiKeys: record } });
      return added.modifiedCount === 1;
    },
    async revokeApiKey(verifierId, id, now) {
      const known = await model.countDocuments({ _id: verifierId, "apiKeys.id": id });
      await model.updateOne(
        { _id: verifierId, apiKeys: { $elemMatch: { id, revokedAt: null } } },
        { $set: { "apiKeys.$.revokedAt": now } },
      );
      return known > 0;
    },
  };
}
