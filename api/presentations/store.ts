import { type mongo, Schema } from "mongoose";
import {
  decryptOptional,
  encryptOptional,
  type EncryptedFields,
  type FieldCipher,
  type FieldPlace,
} from "../../core/keys/fieldCipher";
import { createBatch } from "../../core/batch";
import { batchFindById } from "../../core/batchFindById";
import { isDuplicateKey, type Mongo, rawCollection } from "../../core/mongo";
import type { Answered, PresentationRequest, PresentedCredential, Verdict } from "./rules";

type Stored = Omit<
  PresentationRequest,
  "requestId" | "responseCodeHash" | "encryptionKey" | "credentials" | "announcementPendingSince"
> & {
  _id: string;
  /** Encrypted JSON: with it, a response that somebody recorded could be read. */
  encryptionKey: string | null;
  /** Encrypted JSON: it holds a person's claims. */
  credentials: string | null;
  /** Absent instead of null, so that their indexes hold what there is alone. */
  responseCodeHash?: string;
  announcementPendingSince?: Date;
};

/** What of a request is encrypted. */
export const ENCRYPTED_PRESENTATION_FIELDS = {
  collection: "presentations",
  fields: ["encryptionKey", "credentials"],
} as const satisfies EncryptedFields;

const mixed = { type: Schema.Types.Mixed, default: null };

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    transactionHash: { type: String, required: true },
    verifierId: { type: String, required: true },
    flow: { type: String, required: true },
    browserHash: { type: String, default: null },
    redirectUri: { type: String, default: null },
    clientId: { type: String, required: true },
    responseMode: { type: String, required: true },
    nonce: { type: String, required: true },
    query: { type: Schema.Types.Mixed, required: true },
    acceptedIssuers: { type: [String], required: true },
    encryptionKey: { type: String, default: null },
    status: { type: String, required: true },
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    attempts: { type: Number, required: true },
    submissionHash: { type: String, default: null },
    responseCodeHash: String,
    responseCodeUsedAt: { type: Date, default: null },
    verdict: mixed,
    credentials: { type: String, default: null },
    takenAt: { type: Date, default: null },
    isAnnounced: { type: Boolean, required: true },
    announcementPendingSince: Date,
    purgeAt: { type: Date, required: true },
  },
  { collection: "presentations", versionKey: false, minimize: false },
);
schema.index({ transactionHash: 1 }, { unique: true });
schema.index({ nonce: 1 }, { unique: true });
schema.index({ responseCodeHash: 1 }, { unique: true, sparse: true });
schema.index({ announcementPendingSince: 1 }, { sparse: true });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });
// What the sweep looks for is little beside the verdicts that stay.
schema.index({ takenAt: 1, "verdict.decidedAt": 1 }, { partialFilterExpression: { credentials: { $type: "string" } } });

/** How a request closes. */
export interface Closing {
  /** SHA-256 of the response that has the same answer when it comes again; null: there is none. */
  submissionHash: string | null;
  verdict: Verdict;
  credentials: PresentedCredential[] | null;
  /** Null where the browser is not sent back. */
  responseCodeHash: string | null;
  /** Whether the owner is to be told: marked in the same write, so that it is, whatever becomes of this process. */
  isAnnounced: boolean;
}

/** The collection `presentations`. Every change of state is one conditional write to one request. */
export interface PresentationStore {
  /** False when the nonce was used before. */
  insert(request: PresentationRequest): Promise<boolean>;
  find(requestId: string): Promise<PresentationRequest | null>;
  findByTransaction(transactionHash: string): Promise<PresentationRequest | null>;
  /** ACTIVE -> VP_SUBMITTED; of racing submissions one wins. False when it was answered before, or its time passed. */
  close(requestId: string, closing: Closing): Promise<boolean>;
  /** Counts a response that did not answer this request; the last one that it survives closes it with `closing`. */
  countAttempt(requestId: string, now: Date): Promise<number | null>;
  /** Takes the response code, once, in the browser that began. False when any condition fails. */
  takeResponseCode(
    requestId: string,
    taking: { codeHash: string; browserHash: string | null; now: Date },
  ): Promise<boolean>;
  /** Requests that were answered then or before and whose owners are still to be told, the longest waiting first. */
  pendingAnnouncements(answeredUntil: Date, limit: number): Promise<Answered[]>;
  /** The owner was told. */
  markAnnounced(requestId: string): Promise<void>;
  /** Records the first read of the result; false when it was read before. */
  markTaken(requestId: string, now: Date): Promise<boolean>;
  /** Erases what was presented where the result was first read then or before; how many. */
  eraseTaken(takenUntil: Date): Promise<number>;
  /** Erases what was presented where the request was decided then or before and nobody has read the result; how many. */
  eraseUnread(decidedUntil: Date): Promise<number>;
}

/** Creates the store of requests for presentations. */
export function createPresentationStore({ mongo, fields }: { mongo: Mongo; fields: FieldCipher }): PresentationStore {
  mongo.model<Stored>("Presentation", schema);
  const requests = () => rawCollection<Stored>(mongo, "presentations");
  const encrypted = (requestId: string, field: EncryptedField, value: unknown) =>
    encryptOptional(fields, placeOf(requestId, field), value === null ? null : JSON.stringify(value));
  const closeOne = createBatch<ConditionalClose, boolean>({
    run: (closes) => closeAll(requests(), closes),
    maxSize: MAX_BATCH,
    waitFor: "running",
    keyOf: ({ filter }) => filter._id,
  });
  const erase = async (filter: mongo.Filter<Stored>) => {
    const presented = { ...filter, credentials: { $type: "string" } } as mongo.Filter<Stored>;
    return (await requests().updateMany(presented, { $set: { credentials: null } })).modifiedCount;
  };
  return {
    async insert({ requestId, responseCodeHash: _none, announcementPendingSince: _nothing, ...request }) {
      const [encryptionKey, credentials] = await Promise.all([
        encrypted(requestId, "encryptionKey", request.encryptionKey),
        encrypted(requestId, "credentials", request.credentials),
      ]);
      try {
        await requests().insertOne({ ...request, _id: requestId, encryptionKey, credentials });
        return true;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },
    async find(requestId) {
      const found = await batchFindById<Stored>(mongo, "presentations", requestId);
      return found === null ? null : requestOf(fields, found);
    },
    async findByTransaction(transactionHash) {
      const found = await requests().findOne({ transactionHash });
      return found === null ? null : requestOf(fields, found);
    },
    async close(requestId, { responseCodeHash, isAnnounced, ...closing }) {
      const credentials = await encrypted(requestId, "credentials", closing.credentials);
      const code = responseCodeHash !== null && { responseCodeHash };
      const pending = isAnnounced && { announcementPendingSince: closing.verdict.decidedAt };
      return closeOne({
        filter: { _id: requestId, status: "ACTIVE", expiresAt: { $gt: closing.verdict.decidedAt } },
        update: { $set: { ...closing, ...code, ...pending, credentials, status: "VP_SUBMITTED", encryptionKey: null } },
      });
    },
    async countAttempt(requestId, now) {
      const counted = await requests().findOneAndUpdate(
        { _id: requestId, status: "ACTIVE", expiresAt: { $gt: now } },
        { $inc: { attempts: 1 } },
        { returnDocument: "after", projection: { attempts: 1 } },
      );
      return counted?.attempts ?? null;
    },
    async takeResponseCode(requestId, { codeHash, browserHash, now }) {
      const taken = await requests().updateOne(
        { _id: requestId, responseCodeHash: codeHash, browserHash, responseCodeUsedAt: null },
        { $set: { responseCodeUsedAt: now } },
      );
      return taken.modifiedCount === 1;
    },
    async pendingAnnouncements(answeredUntil, limit) {
      const found = await requests()
        .find({ announcementPendingSince: { $lte: answeredUntil } })
        .project<Pick<Stored, "_id" | "verifierId"> & { announcementPendingSince: Date }>({
          verifierId: 1,
          announcementPendingSince: 1,
        })
        .sort({ announcementPendingSince: 1 })
        .limit(limit)
        .toArray();
      return found.map(({ _id, verifierId, announcementPendingSince }) => ({
        requestId: _id,
        verifierId,
        answeredAt: announcementPendingSince,
      }));
    },
    async markAnnounced(requestId) {
      await requests().updateOne({ _id: requestId }, { $unset: { announcementPendingSince: 1 } });
    },
    async markTaken(requestId, now) {
      const marked = await requests().updateOne({ _id: requestId, takenAt: null }, { $set: { takenAt: now } });
      return marked.modifiedCount === 1;
    },
    eraseTaken: (takenUntil) => erase({ takenAt: { $lte: takenUntil } }),
    eraseUnread: (decidedUntil) => erase({ takenAt: null, "verdict.decidedAt": { $lte: decidedUntil } }),
  };
}

/** Requests closed in one exchange. */
const MAX_BATCH = 32;

interface ConditionalClose {
  filter: mongo.Filter<Stored> & { _id: string };
  update: { $set: Pick<Stored, "submissionHash" | "verdict"> & Partial<Stored> };
}

/**
 * Closes requests, each by one conditional write to it. A single write returns its outcome; several travel in one
 * exchange, and where not all of them took effect, what each left is read.
 */
async function closeAll(requests: mongo.Collection<Stored>, closes: ConditionalClose[]): Promise<boolean[]> {
  const [only] = closes;
  if (only !== undefined && closes.length === 1) {
    return [(await requests.updateOne(only.filter, only.update)).modifiedCount === 1];
  }
  const writes = closes.map((updateOne) => ({ updateOne })) as mongo.AnyBulkWriteOperation<Stored>[];
  const { modifiedCount } = await requests.bulkWrite(writes, { ordered: false });
  if (modifiedCount === closes.length) return closes.map(() => true);
  const ids = closes.map(({ filter }) => filter._id);
  const projection = { submissionHash: 1, verdict: 1 };
  const left = await requests.find({ _id: { $in: ids } } as mongo.Filter<Stored>, { projection }).toArray();
  const byId = new Map(left.map((request) => [request._id, request]));
  return closes.map(({ filter, update: { $set } }) => {
    const stored = byId.get(filter._id);
    // Of the same response at the same moment either may count as the one that closed it: they say the same.
    return (
      stored?.verdict?.decidedAt.getTime() === $set.verdict?.decidedAt.getTime() &&
      stored?.submissionHash === $set.submissionHash
    );
  });
}

type EncryptedField = (typeof ENCRYPTED_PRESENTATION_FIELDS.fields)[number];

function placeOf(requestId: string, field: EncryptedField): FieldPlace {
  return { collection: ENCRYPTED_PRESENTATION_FIELDS.collection, field, id: requestId };
}

async function requestOf(fields: FieldCipher, stored: Stored): Promise<PresentationRequest> {
  const { _id, responseCodeHash, announcementPendingSince, encryptionKey, credentials, ...rest } = stored;
  const [key, presented] = await Promise.all([
    decryptOptional(fields, placeOf(_id, "encryptionKey"), encryptionKey),
    decryptOptional(fields, placeOf(_id, "credentials"), credentials),
  ]);
  return {
    ...rest,
    requestId: _id,
    responseCodeHash: responseCodeHash ?? null,
    announcementPendingSince: announcementPendingSince ?? null,
    encryptionKey: key === null ? null : (JSON.parse(key) as PresentationRequest["encryptionKey"]),
    credentials: presented === null ? null : (JSON.parse(presented) as PresentedCredential[]),
  };
}
