import type { JSONWebKeySet } from "jose";
import { Schema } from "mongoose";
import { isDuplicateKey, type Mongo } from "../../../core/mongo";
import { NOTIFICATION_HEADER, type OAuthClient } from "./rules";

type Stored = Omit<OAuthClient, "clientId"> & { _id: string };

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    name: { type: String, required: true },
    secretHashes: { type: [String], required: true },
    jwks: { type: Schema.Types.Mixed, default: null },
    requiresPkce: { type: Boolean, required: true },
    redirectUris: { type: [String], required: true },
    verifierUrl: { type: String, default: null },
    managementPath: { type: String, required: true },
    sealedCredentials: { type: String, default: null },
    acceptedIssuers: { type: [String], required: true },
    // A query's own member names are the protocol's, not ours to list.
    scopes: { type: [{ name: String, description: String, dcql: Schema.Types.Mixed, _id: false }], required: true },
    webhookUrl: { type: String, default: null },
    notificationHeader: { type: String, required: true },
    notificationKeyHash: { type: String, default: null },
    failuresAsCode: { type: Boolean, required: true },
    createdAt: { type: Date, required: true },
  },
  { collection: "oauth_clients", versionKey: false },
);

/** The collection `oauth_clients`. */
export interface ClientStore {
  /** False when there is a client of this id already. */
  insert(client: OAuthClient): Promise<boolean>;
  find(clientId: string): Promise<OAuthClient | null>;
  list(): Promise<OAuthClient[]>;
  /** Replaces the secrets of a client that authenticates by one; false when there is no such client. */
  setSecrets(clientId: string, secretHashes: string[]): Promise<boolean>;
  /** Replaces the keys of a client that authenticates by keys; false when there is no such client. */
  setKeys(clientId: string, jwks: JSONWebKeySet): Promise<boolean>;
  /** Removes a client; false when there is no such client. */
  remove(clientId: string): Promise<boolean>;
}

/** The relying parties of a database. */
export function createClientStore(mongo: Mongo): ClientStore {
  const model = mongo.model<Stored>("OAuthClient", schema);
  return {
    async insert({ clientId, ...client }) {
      try {
        await model.create({ _id: clientId, ...client });
        return true;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },
    async find(clientId) {
      const found = await model.findById(clientId).lean();
      return found === null ? null : clientOf(found);
    },
    async list() {
      return (await model.find().sort({ _id: 1 }).lean()).map(clientOf);
    },
    async setSecrets(clientId, secretHashes) {
      const { matchedCount } = await model.updateOne({ _id: clientId, jwks: null }, { $set: { secretHashes } });
      return matchedCount === 1;
    },
    async setKeys(clientId, jwks) {
      const { matchedCount } = await model.updateOne({ _id: clientId, jwks: { $ne: null } }, { $set: { jwks } });
      return matchedCount === 1;
    },
    async remove(clientId) {
      return (await model.deleteOne({ _id: clientId })).deletedCount === 1;
    },
  };
}

function clientOf({ _id, ...client }: Stored): OAuthClient {
  // Clients that were registered before the header could be chosen have none.
  const { notificationHeader = NOTIFICATION_HEADER } = client as Partial<OAuthClient>;
  return { ...client, clientId: _id, notificationHeader };
}
