import { Schema } from "mongoose";
import { deleteInBatches, type Mongo, isDuplicateKey, rawCollection } from "../../../core/mongo";
import { LOG_RESULTS, type UsageEntry, type UsageFilter, type UsagePage } from "./rules";

type Stored = Omit<UsageEntry, "id"> & {
  _id: string;
  /** True while a use is in no batch that is anchored for auditors; absent otherwise. */
  awaitsAnchor?: boolean;
};

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    credentialId: { type: String, required: true },
    issuer: { type: String, required: true },
    subjectDid: { type: String, required: true },
    presenterId: { type: String, required: true },
    signer: { type: String, default: null },
    verifierId: { type: String, required: true },
    verifierName: { type: String, required: true },
    verificationId: { type: String, required: true },
    result: { type: String, enum: LOG_RESULTS, required: true },
    reason: { type: String, default: "" },
    code: { type: String, default: null },
    ipAddress: { type: String, default: "" },
    timestamp: { type: Date, required: true },
    awaitsAnchor: Boolean,
  },
  { collection: "credential_usage_log", versionKey: false },
);
schema.index({ credentialId: 1, timestamp: -1, _id: 1 });
schema.index({ issuer: 1, timestamp: -1, _id: 1 });
schema.index({ timestamp: -1, _id: 1 });

// What still has an address: retention empties addresses before it deletes entries.
schema.index({ timestamp: 1 }, { partialFilterExpression: { ipAddress: { $gt: "" } } });

schema.index({ timestamp: 1, _id: 1 }, { partialFilterExpression: { awaitsAnchor: true } });

/** The collection `credential_usage_log`; entries are added, and changed only to leave out a person. */
export interface UsageStore {
  /** Adds an entry; one whose id is there already stays as it is. */
  append(entry: UsageEntry): Promise<void>;
  /** Those of these ids that are there. */
  present(ids: string[]): Promise<Set<string>>;
  /** The newest first. */
  list(filter: UsageFilter, page: UsagePage): Promise<UsageEntry[]>;
  /** Takes the holder and the addresses out of all entries about these credentials. */
  eraseHolder(credentialIds: string[]): Promise<void>;
  /** Deletes entries older than this; returns how many. */
  purge(before: Date): Promise<number>;
  /** The longest waiting of the uses that are in no batch yet. */
  awaitingAnchor(limit: number): Promise<UsageEntry[]>;
  countAwaitingAnchor(): Promise<number>;
  /** From now on these uses are in a batch. */
  markBatched(ids: string[]): Promise<void>;
  /** Those of these entries out of which the holder was taken. */
  erasedAmong(ids: string[]): Promise<string[]>;
  find(id: string): Promise<UsageEntry | null>;
  /** Empties the IP addresses of entries older than this; returns of how many. */
  clearAddresses(before: Date): Promise<number>;
}

/** Creates the store of the usage log. */
export function createUsageStore(mongo: Mongo): UsageStore {
  const model = mongo.model<Stored>("CredentialUsage", schema);
  const raw = rawCollection<Stored>(mongo, "credential_usage_log");
  return {
    async append({ id, ...entry }) {
      try {
        await raw.insertOne({ ...entry, _id: id, ...(entry.result === "SUCCESS" && { awaitsAnchor: true }) });
      } catch (error) {
        if (!isDuplicateKey(error, "_id")) throw error;
      }
    },
    async present(ids) {
      const found = await model.find({ _id: { $in: ids } }, { _id: 1 }).lean();
      return new Set(found.map(({ _id }) => _id));
    },
    async list({ credentialId, issuer, result }, { limit, before }) {
      const filter = {
        ...(credentialId !== undefined && { credentialId }),
        ...(issuer !== undefined && { issuer }),
        ...(result !== undefined && { result }),
        ...(before !== null && {
          $or: [{ timestamp: { $lt: before.timestamp } }, { timestamp: before.timestamp, _id: { $gt: before.id } }],
        }),
      };
      const found = await model.find(filter).sort({ timestamp: -1, _id: 1 }).limit(limit).lean();
      return found.map(rename);
    },
    async awaitingAnchor(limit) {
      const found = await model.find({ awaitsAnchor: true }).sort({ timestamp: 1, _id: 1 }).limit(limit).lean();
      return found.map(rename);
    },
    countAwaitingAnchor: () => model.countDocuments({ awaitsAnchor: true }),
    async markBatched(ids) {
      await raw.updateMany({ _id: { $in: ids } }, { $unset: { awaitsAnchor: 1 } });
    },
    async erasedAmong(ids) {
      const found = await model.find({ _id: { $in: ids }, subjectDid: "" }, { _id: 1 }).lean();
      return found.map(({ _id }) => _id);
    },
    async find(id) {
      const found = await model.findById(id).lean();
      return found === null ? null : rename(found);
    },
    async eraseHolder(credentialIds) {
      const known = { credentialId: { $in: credentialIds }, subjectDid: { $gt: "" } };
      await raw.updateMany(known, { $set: { subjectDid: "", presenterId: "", signer: null, ipAddress: "" } });
    },
    purge: (before) => deleteInBatches(raw, { timestamp: { $lt: before } }),
    async clearAddresses(before) {
      const old = { timestamp: { $lt: before }, ipAddress: { $gt: "" } };
      return (await raw.updateMany(old, { $set: { ipAddress: "" } })).modifiedCount;
    },
  };
}

function rename({ _id, awaitsAnchor: _awaits, ...entry }: Stored): UsageEntry {
  return { id: _id, ...entry };
}
