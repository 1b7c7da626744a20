import { type mongo, Schema } from "mongoose";
import {
  decryptOptional,
  encryptOptional,
  type EncryptedFields,
  type FieldCipher,
  type FieldPlace,
} from "../../core/keys/fieldCipher";
import { isDuplicateKey, type Mongo, rawCollection } from "../../core/mongo";
import type { Answered, PresentationRequest, PresentedCredential, Verdict } from "./rules";

type Stored = Omit<
  PresentationRequest,
  "requestId" | "keyId" | "responseCodeHash" | "encryptionKey" | "credentials" | "announcementPendingSince"
> & {
  _id: string;
  /** Encrypted JSON: with it, a response that somebody recorded could be read. */
  encryptionKey: string | null;
  /** Encrypted JSON: it holds a person's claims. */
  credentials: string | null;
  /** Absent instead of null, so that their indexes hold what there is alone. */
  keyId?: string;
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
    keyId: String,
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
    announcementPendingSince: Date,
    purgeAt: { type: Date, required: true },
  },
  { collection: "presentations", versionKey: false, minimize: false },
);
schema.index({ transactionHash: 1 }, { unique: true });
schema.index({ nonce: 1 }, { unique: true });
schema.index({ keyId: 1 }, { unique: true, sparse: true });
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
  /** By the `kid` of the key that a response is encrypted to. */
  findByKeyId(keyId: string): Promise<PresentationRequest | null>;
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
  const findOne = async (filter: Partial<Stored>) => {
    const found = await requests().findOne(filter);
    return found === null ? null : requestOf(fields, found);
  };
  const encrypted = (requestId: string, field: EncryptedField, value: unknown) =>
    encryptOptional(fields, placeOf(requestId, field), value === null ? null : JSON.stringify(value));
  const erase = async (filter: mongo.Filter<Stored>) => {
    const presented = { ...filter, credentials: { $type: "string" } } as mongo.Filter<Stored>;
    return (await requests().updateMany(presented, { $set: { credentials: null } })).modifiedCount;
  };
  return {
    async insert({ requestId, keyId, responseCodeHash: _none, announcementPendingSince: _nothing, ...request }) {
      const [encryptionKey, credentials] = await Promise.all([
        encrypted(requestId, "encryptionKey", request.encryptionKey),
        encrypted(requestId, "credentials", request.credentials),
      ]);
      const named = keyId !== null && { keyId };
      try {
        await requests().insertOne({ ...request, ...named, _id: requestId, encryptionKey, credentials });
        return true;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },
    find: (requestId) => findOne({ _id: requestId }),
    findByTransaction: (transactionHash) => findOne({ transactionHash }),
    findByKeyId: (keyId) => findOne({ keyId }),
    async close(requestId, { responseCodeHash, isAnnounced, ...closing }) {
      const credentials = await encrypted(requestId, "credentials", closing.credentials);
      const code = responseCodeHash !== null && { responseCodeHash };
      const pending = isAnnounced && { announcementPendingSince: closing.verdict.decidedAt };
      const closed = await requests().updateOne(
        { _id: requestId, status: "ACTIVE", expiresAt: { $gt: closing.verdict.decidedAt } },
        { $set: { ...closing, ...code, ...pending, credentials, status: "VP_SUBMITTED", encryptionKey: null } },
      );
      return closed.modifiedCount === 1;
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

type EncryptedField = (typeof ENCRYPTED_PRESENTATION_FIELDS.fields)[number];

function placeOf(requestId: string, field: EncryptedField): FieldPlace {
  return { collection: ENCRYPTED_PRESENTATION_FIELDS.collection, field, id: requestId };
}

async function requestOf(fields: FieldCipher, stored: Stored): Promise<PresentationRequest> {
  const { _id, keyId, responseCodeHash, announcementPendingSince, encryptionKey, credentials, ...rest } = stored;
  const [key, presented] = await Promise.all([
    decryptOptional(fields, placeOf(_id, "encryptionKey"), encryptionKey),
    decryptOptional(fields, placeOf(_id, "credentials"), credentials),
  ]);
  return {
    ...rest,
    requestId: _id,
    keyId: keyId ?? null,
    responseCodeHash: responseCodeHash ?? null,
    announcementPendingSince: announcementPendingSince ?? null,
    encryptionKey: key === null ? null : (JSON.parse(key) as PresentationRequest["encryptionKey"]),
    credentials: presented === null ? null : (JSON.parse(presented) as PresentedCredential[]),
  };
}
