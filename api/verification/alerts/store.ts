import { Schema } from "mongoose";
import { deleteInBatches, type Mongo, isDuplicateKey, rawCollection } from "../../../core/mongo";
import { alertIdOf, type FraudAlert, type FraudAttempt } from "./rules";

/** Most presenters named in an alert. */
const MAX_PRESENTERS = 20;

type Stored = Omit<FraudAlert, "alertId"> & { _id: string };

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    credentialId: { type: String, required: true },
    kind: { type: String, required: true },
    issuer: { type: String, required: true },
    subjectDid: { type: String, required: true },
    presenters: { type: [String], required: true },
    verifierName: { type: String, required: true },
    ipAddress: { type: String, default: "" },
    attempts: { type: Number, required: true },
    firstAt: { type: Date, required: true },
    lastAt: { type: Date, required: true },
    notifiedAt: { type: Date, default: null },
  },
  { collection: "fraud_alerts", versionKey: false },
);
schema.index({ lastAt: -1, _id: 1 });
schema.index({ notifiedAt: 1, firstAt: 1 });

/** The collection `fraud_alerts`. */
export interface AlertStore {
  /** Counts an attempt; the alert's id when it opened one, null when one was open. One of racing callers opens it. */
  record(attempt: FraudAttempt): Promise<string | null>;
  find(alertId: string): Promise<FraudAlert | null>;
  /** The newest first. */
  list(limit: number): Promise<FraudAlert[]>;
  /** Alerts the administrator was not notified of, the oldest first. */
  unnotified(limit: number): Promise<FraudAlert[]>;
  markNotified(alertId: string, now: Date): Promise<void>;
  /** How many the administrator was notified of since then. */
  notifiedSince(since: Date): Promise<number>;
  /** Deletes alerts whose last attempt is older than this; returns how many. */
  purge(before: Date): Promise<number>;
  /** Empties the IP addresses of alerts whose last attempt is older than this; returns of how many. */
  clearAddresses(before: Date): Promise<number>;
}

/** Creates the store of fraud alerts. */
export function createAlertStore(mongo: Mongo): AlertStore {
  const model = mongo.model<Stored>("FraudAlert", schema);
  const raw = rawCollection<Stored>(mongo, "fraud_alerts");
  const rename = ({ _id, ...rest }: Stored): FraudAlert => ({ alertId: _id, ...rest });
  return {
    async record({ presenterDid, at, ...attempt }) {
      const _id = alertIdOf({ ...attempt, at });
      // The usual attempt is another one by somebody known, and costs one write.
      const seen = { $inc: { attempts: 1 }, $max: { lastAt: at } };
      const known = await raw.updateOne({ _id, presenters: presenterDid }, seen);
      if (known.matchedCount === 1) return null;
      const room = { _id, [`presenters.${MAX_PRESENTERS - 1}`]: { $exists: false } };
      const added = await raw.updateOne(room, { ...seen, $addToSet: { presenters: presenterDid } });
      if (added.matchedCount === 1) return null;
      const counted = await raw.updateOne({ _id }, seen);
      if (counted.matchedCount === 1) return null;
      try {
        await raw.insertOne({
          _id,
          ...attempt,
          presenters: [presenterDid],
          attempts: 1,
          firstAt: at,
          lastAt: at,
          notifiedAt: null,
        });
        return _id;
      } catch (error) {
        if (!isDuplicateKey(error, "_id")) throw error;
        await raw.updateOne({ _id }, { ...seen, $addToSet: { presenters: presenterDid } });
        return null;
      }
    },
    async find(alertId) {
      const found = await model.findById(alertId).lean();
      return found && rename(found);
    },
    list: async (limit) => (await model.find({}).sort({ lastAt: -1, _id: 1 }).limit(limit).lean()).map(rename),
    unnotified: async (limit) =>
      (await model.find({ notifiedAt: null }).sort({ firstAt: 1 }).limit(limit).lean()).map(rename),
    async markNotified(alertId, now) {
      await model.updateOne({ _id: alertId, notifiedAt: null }, { $set: { notifiedAt: now } });
    },
    notifiedSince: (since) => model.countDocuments({ notifiedAt: { $gt: since } }),
    purge: (before) => deleteInBatches(raw, { lastAt: { $lt: before } }),
    async clearAddresses(before) {
      const old = { lastAt: { $lt: before }, ipAddress: { $gt: "" } };
      return (await raw.updateMany(old, { $set: { ipAddress: "" } })).modifiedCount;
    },
  };
}
