import { Schema } from "mongoose";
import { deleteInBatches, type Mongo, isDuplicateKey, rawCollection } from "../../../core/mongo";
import { alertIdOf, type FraudAlert, type FraudAttempt } from "./rules";

/** Most presenters, and most signers, named in an alert. */
const MAX_NAMED = 20;

type Stored = Omit<FraudAlert, "alertId"> & { _id: string };

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    credentialId: { type: String, required: true },
    kind: { type: String, required: true },
    issuer: { type: String, required: true },
    subjectDid: { type: String, required: true },
    presenters: { type: [String], required: true },
    signers: { type: [String], required: true },
    verifierId: { type: String, required: true },
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
schema.index({ credentialId: 1 });
schema.index({ notifiedAt: 1, firstAt: 1 });
schema.index({ verifierId: 1, notifiedAt: 1 });

/** The collection `fraud_alerts`. */
export interface AlertStore {
  /** Counts an attempt; the alert's id when it opened one, null when one was open. One of racing callers opens it. */
  record(attempt: FraudAttempt): Promise<string | null>;
  find(alertId: string): Promise<FraudAlert | null>;
  /** The newest first. */
  list(limit: number): Promise<FraudAlert[]>;
  /** Alerts the administrator was not notified of, the oldest first, but those about these verifiers. */
  unnotified(limit: number, exceptVerifiers?: string[]): Promise<FraudAlert[]>;
  /** How many alerts about a verifier the administrator was not notified of; at most `limit`. */
  countUnnotified(verifierId: string, limit: number): Promise<number>;
  markNotified(alertId: string, now: Date): Promise<void>;
  /** Of how many alerts about a verifier the administrator was notified since then. */
  notifiedSince(verifierId: string, since: Date): Promise<number>;
  /** Takes the holder out of all alerts about these credentials; who else presented them stays. */
  eraseHolder(credentialIds: string[], dids: string[]): Promise<void>;
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
    async record({ presenterDid, signer, at, ...attempt }) {
      const _id = alertIdOf({ ...attempt, at });
      const names = {
        ...(presenterDid !== null && { presenters: presenterDid }),
        ...(signer !== null && { signers: signer }),
      };
      // The usual attempt is another one by somebody known, and costs one write.
      const seen = { $inc: { attempts: 1 }, $max: { lastAt: at } };
      const known = await raw.updateOne({ _id, ...names }, seen);
      if (known.matchedCount === 1) return null;
      const counted = await raw.updateOne({ _id }, seen);
      if (counted.matchedCount === 0) {
        try {
          const presenters = presenterDid === null ? [] : [presenterDid];
          const signers = signer === null ? [] : [signer];
          await raw.insertOne({
            _id,
            ...attempt,
            presenters,
            signers,
            attempts: 1,
            firstAt: at,
            lastAt: at,
            notifiedAt: null,
          });
          return _id;
        } catch (error) {
          if (!isDuplicateKey(error, "_id")) throw error;
          await raw.updateOne({ _id }, seen);
        }
      }
      for (const [list, name] of Object.entries(names)) {
        const room = { _id, [`${list}.${MAX_NAMED - 1}`]: { $exists: false } };
        await raw.updateOne(room, { $addToSet: { [list]: name } });
      }
      return null;
    },
    async find(alertId) {
      const found = await model.findById(alertId).lean();
      return found && rename(found);
    },
    list: async (limit) => (await model.find({}).sort({ lastAt: -1, _id: 1 }).limit(limit).lean()).map(rename),
    async unnotified(limit, exceptVerifiers = []) {
      const filter = { notifiedAt: null, verifierId: { $nin: exceptVerifiers } };
      return (await model.find(filter).sort({ firstAt: 1 }).limit(limit).lean()).map(rename);
    },
    countUnnotified: (verifierId, limit) => model.countDocuments({ verifierId, notifiedAt: null }, { limit }),
    async markNotified(alertId, now) {
      await model.updateOne({ _id: alertId, notifiedAt: null }, { $set: { notifiedAt: now } });
    },
    notifiedSince: (verifierId, since) => model.countDocuments({ verifierId, notifiedAt: { $gt: since } }),
    async eraseHolder(credentialIds, dids) {
      const known = { credentialId: { $in: credentialIds }, subjectDid: { $gt: "" } };
      await raw.updateMany(known, {
        $set: { subjectDid: "" },
        $pull: { presenters: { $in: dids }, signers: { $in: [...dids, ...dids.map(addressIn)] } },
      });
    },
    purge: (before) => deleteInBatches(raw, { lastAt: { $lt: before } }),
    async clearAddresses(before) {
      const old = { lastAt: { $lt: before }, ipAddress: { $gt: "" } };
      return (await raw.updateMany(old, { $set: { ipAddress: "" } })).modifiedCount;
    },
  };
}

/** The account in a DID of the registry: `did:<method>:0x...`. */
function addressIn(did: string): string {
  return did.slice(did.lastIndexOf(":") + 1);
}
