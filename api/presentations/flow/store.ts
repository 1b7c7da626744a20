import { Schema } from "mongoose";
import {
  decryptOptional,
  encryptOptional,
  type EncryptedFields,
  type FieldCipher,
} from "../../../core/keys/fieldCipher";
import { type Mongo, rawCollection } from "../../../core/mongo";
import { type AskedFor, type FlowEnding, type FlowSession, OPEN_STATUSES, type WalletRequest } from "./rules";

type Stored = Omit<FlowSession, "sessionId" | "asked" | "request"> & {
  _id: string;
  /** JSON: names in a definition may be any. */
  asked: string;
  request: Omit<WalletRequest, "verifierTransactionId" | "callbackHash"> | null;
  /** Encrypted: at a verifier elsewhere, whoever knows it may read the result. */
  verifierTransactionId: string | null;
  /** Absent instead of null, so that its unique index holds what there is alone. */
  callbackHash?: string;
};

/** What of a flow is encrypted. */
export const ENCRYPTED_FLOW_FIELDS = {
  collection: "presentation_flows",
  fields: ["verifierTransactionId"],
} as const satisfies EncryptedFields;

const mixed = { type: Schema.Types.Mixed, default: null };

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    transactionId: { type: String, required: true },
    verifierId: { type: String, required: true },
    partyName: { type: String, required: true },
    credentialType: { type: String, required: true },
    claimNames: { type: [String], required: true },
    asked: { type: String, required: true },
    redirectUri: { type: String, required: true },
    partyState: { type: String, default: null },
    tokenHash: { type: String, required: true },
    browserHash: { type: String, default: null },
    status: { type: String, required: true },
    walletRequests: { type: Number, required: true },
    request: mixed,
    verifierTransactionId: { type: String, default: null },
    callbackHash: String,
    polls: { type: Number, required: true },
    polledAt: { type: Date, default: null },
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    verificationResult: mixed,
    errorDetails: mixed,
    audit: mixed,
    takenAt: { type: Date, default: null },
    purgeAt: { type: Date, required: true },
  },
  { collection: "presentation_flows", versionKey: false, minimize: false },
);
schema.index({ tokenHash: 1 }, { unique: true });
schema.index({ transactionId: 1 }, { unique: true });
schema.index({ callbackHash: 1 }, { unique: true, sparse: true });
schema.index({ status: 1, expiresAt: 1 });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

const isOpen = { $in: [...OPEN_STATUSES] };

/** The collection `presentation_flows`. Every change of state is one conditional write to one flow. */
export interface FlowStore {
  insert(session: FlowSession): Promise<void>;
  find(sessionId: string): Promise<FlowSession | null>;
  findByToken(tokenHash: string): Promise<FlowSession | null>;
  findByTransaction(transactionId: string): Promise<FlowSession | null>;
  /** By the hash of the state that a browser came back with. */
  findByCallback(callbackHash: string): Promise<FlowSession | null>;
  /** Binds a flow to the browser that begins it, once, and starts its time. False when another did, or it expired. */
  begin(sessionId: string, beginning: { browserHash: string; now: Date; expiresAt: Date }): Promise<boolean>;
  /** -> waiting, with the request that a wallet is to answer. False when the flow is elsewhere by now. */
  askWallet(sessionId: string, asking: { walletRequests: number; request: WalletRequest; now: Date }): Promise<boolean>;
  /** waiting -> returned, once, in the browser that began. False when any condition fails. */
  returnFromWallet(
    sessionId: string,
    returning: { callbackHash: string; browserHash: string; now: Date },
  ): Promise<boolean>;
  /** Counts a poll of the verifier; how many there were, or null when the last is too young or the flow is over. */
  countPoll(sessionId: string, counting: { now: Date; lastBefore: Date }): Promise<number | null>;
  /** Ends an open flow; of racing ends one counts. A verdict needs the flow to be within its time. */
  end(sessionId: string, ending: FlowEnding, now: Date): Promise<boolean>;
  /** Records the first read of the result. */
  markTaken(sessionId: string, now: Date): Promise<void>;
  /** Open flows whose time is over. */
  findStuck(now: Date, limit: number): Promise<FlowSession[]>;
}

/** Creates the store of flows. */
export function createFlowStore({ mongo, fields }: { mongo: Mongo; fields: FieldCipher }): FlowStore {
  mongo.model<Stored>("PresentationFlow", schema);
  const flows = () => rawCollection<Stored>(mongo, "presentation_flows");
  const findOne = async (filter: Partial<Stored>) => {
    const found = await flows().findOne(filter);
    return found === null ? null : sessionOf(fields, found);
  };
  return {
    async insert({ sessionId, asked, request: _none, ...session }) {
      await flows().insertOne({
        ...session,
        _id: sessionId,
        asked: JSON.stringify(asked),
        request: null,
        verifierTransactionId: null,
      });
    },
    find: (sessionId) => findOne({ _id: sessionId }),
    findByToken: (tokenHash) => findOne({ tokenHash }),
    findByTransaction: (transactionId) => findOne({ transactionId }),
    findByCallback: (callbackHash) => findOne({ callbackHash }),
    async begin(sessionId, { browserHash, now, expiresAt }) {
      const begun = await flows().updateOne(
        { _id: sessionId, status: "initiated", browserHash: null, expiresAt: { $gt: now } },
        { $set: { browserHash, expiresAt } },
      );
      return begun.modifiedCount === 1;
    },
    async askWallet(sessionId, { walletRequests, request, now }) {
      const { verifierTransactionId, callbackHash, ...rest } = request;
      const sealed = await encryptOptional(fields, placeOf(sessionId), verifierTransactionId);
      const asked = await flows().updateOne(
        { _id: sessionId, status: { $in: ["initiated", "waiting"] }, walletRequests, expiresAt: { $gt: now } },
        {
          $set: {
            status: "waiting",
            walletRequests: walletRequests + 1,
            request: rest,
            verifierTransactionId: sealed,
            polls: 0,
            polledAt: null,
            ...(callbackHash !== null && { callbackHash }),
          },
          // The state of an earlier request leads nowhere any more.
          ...(callbackHash === null && { $unset: { callbackHash: "" } }),
        },
      );
      return asked.modifiedCount === 1;
    },
    async returnFromWallet(sessionId, { callbackHash, browserHash, now }) {
      const returned = await flows().updateOne(
        { _id: sessionId, status: "waiting", callbackHash, browserHash, expiresAt: { $gt: now } },
        { $set: { status: "returned" } },
      );
      return returned.modifiedCount === 1;
    },
    async countPoll(sessionId, { now, lastBefore }) {
      const counted = await flows().findOneAndUpdate(
        {
          _id: sessionId,
          status: { $in: ["waiting", "returned"] },
          $or: [{ polledAt: null }, { polledAt: { $lte: lastBefore } }],
        },
        { $inc: { polls: 1 }, $set: { polledAt: now } },
        { returnDocument: "after", projection: { polls: 1 } },
      );
      return counted?.polls ?? null;
    },
    async end(sessionId, ending, now) {
      const inTime = ending.verificationResult === null ? {} : { expiresAt: { $gt: now } };
      const ended = await flows().updateOne({ _id: sessionId, status: isOpen, ...inTime }, { $set: ending });
      return ended.modifiedCount === 1;
    },
    async markTaken(sessionId, now) {
      await flows().updateOne({ _id: sessionId, takenAt: null }, { $set: { takenAt: now } });
    },
    async findStuck(now, limit) {
      const stuck = await flows()
        .find({ status: isOpen, expiresAt: { $lte: now } })
        .limit(limit)
        .toArray();
      return Promise.all(stuck.map((found) => sessionOf(fields, found)));
    },
  };
}

function placeOf(sessionId: string) {
  return { collection: ENCRYPTED_FLOW_FIELDS.collection, field: ENCRYPTED_FLOW_FIELDS.fields[0], id: sessionId };
}

async function sessionOf(fields: FieldCipher, stored: Stored): Promise<FlowSession> {
  const { _id, asked, request, verifierTransactionId: sealed, callbackHash = null, ...rest } = stored;
  const verifierTransactionId = await decryptOptional(fields, placeOf(_id), sealed);
  return {
    ...rest,
    sessionId: _id,
    asked: JSON.parse(asked) as AskedFor,
    request: request === null ? null : { ...request, verifierTransactionId, callbackHash },
  };
}
