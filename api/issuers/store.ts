import { Schema } from "mongoose";
import { type ApiKeyRecord, apiKeySchema } from "../../core/keys/apiKeys";
import { type Mongo, isDuplicateKey } from "../../core/mongo";
import { type PublishedDocument, SIGNING_ALGORITHMS, type SigningKey } from "./rules";

/** What the chain says of an issuer, as the worker last read it. */
export interface OnChainState {
  /** Digest of the document that the chain names; null before the registration. */
  anchoredHash: string | null;
  accredited: boolean;
  /** Why its anchoring does not proceed; null while it does. */
  anchoringError: string | null;
}

/** An issuer that issues through this gateway. */
export interface IssuerAccount extends OnChainState {
  /** `0x` and 40 lower-case hexadecimal digits: its identity on the chain. */
  address: string;
  did: string;
  name: string;
  /** Where to read about it; goes into its accreditation. */
  metadataUri: string;
  /** The key store's name of the key that controls the identity. */
  controllerKeyId: string;
  /** In the order they were made. */
  keys: SigningKey[];
  /** Every version, the latest last. */
  documents: PublishedDocument[];
  /** The index its next credential gets. */
  nextIndex: number;
  apiKeys: ApiKeyRecord[];
  createdAt: Date;
}

const signingKey = new Schema<SigningKey>(
  {
    kid: { type: String, required: true },
    algorithm: { type: String, enum: SIGNING_ALGORITHMS, required: true },
    keyId: { type: String, required: true },
    publicJwk: { type: Schema.Types.Mixed, required: true },
    createdAt: { type: Date, required: true },
    retiredAt: { type: Date, default: null },
    withdrawnAt: { type: Date, default: null },
  },
  { _id: false },
);

const document = new Schema<PublishedDocument>(
  {
    hash: { type: String, required: true },
    body: { type: String, required: true },
    createdAt: { type: Date, required: true },
  },
  { _id: false },
);

const schema = new Schema<IssuerAccount>(
  {
    address: { type: String, required: true },
    did: { type: String, required: true },
    name: { type: String, required: true },
    metadataUri: { type: String, default: "" },
    controllerKeyId: { type: String, required: true },
    keys: { type: [signingKey], required: true },
    documents: { type: [document], required: true },
    anchoredHash: { type: String, default: null },
    accredited: { type: Boolean, required: true },
    anchoringError: { type: String, default: null },
    nextIndex: { type: Number, required: true },
    apiKeys: { type: [apiKeySchema], required: true },
    createdAt: { type: Date, required: true },
  },
  { collection: "issuer_accounts", versionKey: false },
);
schema.index({ address: 1 }, { unique: true });
schema.index({ "apiKeys.hash": 1 }, { unique: true });

/** The collection `issuer_accounts`. */
export interface IssuerStore {
  /** False when the address is taken. */
  insert(account: IssuerAccount): Promise<boolean>;
  find(address: string): Promise<IssuerAccount | null>;
  /** The account whose key has this hash, revoked keys included. */
  findByApiKey(hash: string): Promise<Pick<IssuerAccount, "address" | "apiKeys"> | null>;
  list(): Promise<IssuerAccount[]>;
  /** Takes an index nobody else gets; null when there is no such issuer. An index that gets no credential stays a gap. */
  takeIndex(address: string): Promise<number | null>;
  /** Puts keys and their document in place, unless another change came first. */
  publish(before: IssuerAccount, keys: SigningKey[], latest: PublishedDocument): Promise<boolean>;
  addApiKey(address: string, record: ApiKeyRecord): Promise<boolean>;
  /** False when the account has no such key; revoking twice leaves the first time. */
  revokeApiKey(address: string, id: string, now: Date): Promise<boolean>;
  recordOnChainState(address: string, state: Partial<OnChainState>): Promise<void>;
}

/** Creates the store of issuers. */
export function createIssuerStore(mongo: Mongo): IssuerStore {
  const model = mongo.model<IssuerAccount>("IssuerAccount", schema);
  const plain = { _id: 0 } as const;
  return {
    async insert(account) {
      try {
        await model.create(account);
        return true;
      } catch (error) {
        if (isDuplicateKey(error, "address")) return false;
        throw error;
      }
    },
    find: (address) => model.findOne({ address }, plain).lean(),
    findByApiKey: (hash) => model.findOne({ "apiKeys.hash": hash }, { _id: 0, address: 1, apiKeys: 1 }).lean(),
    list: () => model.find({}, plain).sort({ createdAt: 1, address: 1 }).lean(),
    async takeIndex(address) {
      const before = await model
        .findOneAndUpdate(
          { address },
          { $inc: { nextIndex: 1 } },
          { returnDocument: "before", projection: { nextIndex: 1 } },
        )
        .lean();
      return before?.nextIndex ?? null;
    },
    async publish({ address, documents }, keys, latest) {
      const published = await model.updateOne(
        { address, documents: { $size: documents.length } },
        { $set: { keys }, $push: { documents: latest } },
      );
      return published.modifiedCount === 1;
    },
    async addApiKey(address, record) {
      const added = await model.updateOne({ address }, { $push: { apiKeys: record } });
      return added.modifiedCount === 1;
    },
    async revokeApiKey(address, id, now) {
      const found = await model.countDocuments({ address, "apiKeys.id": id });
      await model.updateOne(
        { address, apiKeys: { $elemMatch: { id, revokedAt: null } } },
        { $set: { "apiKeys.$.revokedAt": now } },
      );
      return found > 0;
    },
    async recordOnChainState(address, state) {
      await model.updateOne({ address }, { $set: state });
    },
  };
}
