import { type QueryFilter, Schema } from "mongoose";
import { decryptOptional, encryptOptional, type EncryptedFields, type FieldCipher } from "../../core/keys/fieldCipher";
import { deleteInBatches, type Mongo, rawCollection } from "../../core/mongo";
import { batchFindById } from "../../core/batchFindById";
import { type Decision, type Declined, type OpenCount, type Verification, VERIFICATION_STATUSES } from "./rules";

type Stored = Omit<Verification, "verificationId" | "deliveryPendingSince" | "declined"> & {
  _id: string;
  declinedAt?: Date | null;
  /** Encrypted. */
  declineReason?: string | null;
  /** Absent when null, so that its index holds pending deliveries alone. */
  deliveryPendingSince?: Date;
};

/** What of a verification is encrypted. */
export const ENCRYPTED_VERIFICATION_FIELDS = {
  collection: "verifications",
  fields: ["foreignJwt", "declineReason"],
} as const satisfies EncryptedFields;

const embedded = { _id: false } as const;

const decision = new Schema<Decision>(
  {
    code: { type: String, default: null },
    message: { type: String, default: "" },
    presenterDid: { type: String, required: true },
    signer: { type: String, default: null },
    confirmationHash: { type: String, required: true },
    decidedAt: { type: Date, required: true },
    block: { type: new Schema({ number: Number, hash: String }, embedded), required: true },
  },
  embedded,
);

const challenge = new Schema<Verification["challenge"]>(
  {
    nonce: { type: String, required: true },
    message: { type: String, required: true },
    digest: { type: String, required: true },
    issuedAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
  },
  embedded,
);

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    verifierId: { type: String, required: true },
    verifierName: { type: String, required: true },
    credentialId: { type: String, required: true },
    subjectDid: { type: String, required: true },
    foreignJwt: { type: String, default: null },
    disclosed: { type: [String], default: null },
    challenge: { type: challenge, required: true },
    status: { type: String, enum: VERIFICATION_STATUSES, required: true },
    decision: { type: decision, default: null },
    declinedAt: { type: Date, default: null },
    declineReason: { type: String, default: null },
    wantsWebhook: { type: Boolean, required: true },
    deliveryPendingSince: Date,
    createdAt: { type: Date, required: true },
  },
  { collection: "verifications", versionKey: false },
);
schema.index({ credentialId: 1, status: 1, createdAt: -1 });
schema.index({ deliveryPendingSince: 1 }, { sparse: true });
schema.index({ "challenge.expiresAt": 1 }, { partialFilterExpression: { status: "pending" } });
schema.index({ subjectDid: 1, createdAt: -1 }, { partialFilterExpression: { status: "pending" } });
schema.index({ createdAt: 1 });
schema.index({ verifierId: 1, createdAt: -1, _id: 1 });
schema.index({ verifierId: 1, status: 1, "challenge.expiresAt": 1 });

/** What of a verifier's verifications is asked for. */
export interface OwnFilter {
  verifierId: string;
  credentialId?: string | undefined;
  /** As it is at `now`: a request that nobody answered in time is expired before that is recorded. */
  status?: Verification["status"] | undefined;
  now: Date;
}

/** Which page of a list is asked for: everything requested before this place, the newest first. */
export interface OwnPage {
  limit: number;
  before: { createdAt: Date; verificationId: string } | null;
}

/** Which verification is decided, and whether its verifier is sent a webhook. */
export type Decided = Pick<Verification, "verificationId" | "wantsWebhook">;

/** The collection `verifications`. */
export interface VerificationStore {
  insert(verification: Verification): Promise<void>;
  find(verificationId: string): Promise<Verification | null>;
  /** Requests for a credential that nobody answered yet and that are not too old, the newest first. */
  pendingFor(credentialId: string, now: Date, limit: number): Promise<Verification[]>;
  /** Requests for a credential that were answered, at most `limit` that passed and as many that did not, the newest. */
  decidedFor(credentialId: string, limit: number): Promise<Verification[]>;
  /** What a verifier asked for, the newest first. */
  ofVerifier(filter: OwnFilter, page: OwnPage): Promise<Verification[]>;
  /** Requests for credentials of these subjects that nobody answered yet and that are not too old, the newest first. */
  pendingOf(subjectDids: string[], now: Date, limit: number): Promise<Verification[]>;
  /** How many a verifier has that nobody answered yet and that are not too old; at most one more than `limit` each. */
  countOpen(of: { verifierId: string; credentialId: string }, now: Date, limit: number): Promise<OpenCount>;
  /** Takes back a verification that was not shown to anybody. */
  remove(verificationId: string): Promise<void>;
  /**
   * Records that a use was taken. It outranks a failure and an expiry: while the holder's confirmation was being
   * checked, a stranger may have been rejected or the time have run out, and the use is taken all the same.
   */
  recordVerified(verification: Decided, decision: Decision): Promise<void>;
  /** Records a rejection, unless something was decided before. */
  recordFailed(verification: Decided, decision: Decision): Promise<void>;
  /** Records that the holder would not answer, unless something was decided before or the holder declined before. */
  recordDeclined(verification: Decided, declined: Declined): Promise<void>;
  /** Verifications that nobody answered, whose challenge expired before then, the oldest first. */
  unanswered(expiredBefore: Date, limit: number): Promise<Decided[]>;
  /** Records that nobody answered in time, unless something was decided before. */
  recordExpired(verification: Decided, now: Date): Promise<void>;
  /** Verifications decided before then whose webhook was not handed over for delivery, the longest waiting first. */
  pendingDeliveries(decidedBefore: Date, limit: number): Promise<string[]>;
  /** Records that the webhook of this outcome was handed over; false when the outcome is another one by now. */
  markHandedOver(verificationId: string, status: Verification["status"]): Promise<boolean>;
  /** All that were requested of these credentials, the newest first. */
  ofCredentials(credentialIds: string[]): Promise<Verification[]>;
  /** Takes the holder out of all verifications of these credentials. */
  eraseHolder(credentialIds: string[]): Promise<void>;
  /** Deletes verifications requested before this whose webhook is not pending; returns how many. */
  purge(requestedBefore: Date): Promise<number>;
}

/** Creates the store of verifications. */
export function createVerificationStore(deps: { mongo: Mongo; fields: FieldCipher }): VerificationStore {
  const { mongo, fields } = deps;
  const model = mongo.model<Stored>("Verification", schema);
  const raw = rawCollection<Stored>(mongo, "verifications");

  async function decide(
    { verificationId, wantsWebhook }: Decided,
    from: Verification["status"][],
    outcome: { status: Verification["status"]; decision: Decision | null; at: Date },
  ): Promise<void> {
    const { status, decision: taken, at } = outcome;
    // In the same write as the outcome, so that no crash comes between the outcome and its webhook.
    const pending = wantsWebhook && { deliveryPendingSince: at };
    await raw.updateOne(
      { _id: verificationId, status: { $in: from } },
      { $set: { status, decision: taken, ...pending } },
    );
  }

  return {
    async insert({ verificationId, deliveryPendingSince, declined: _none, ...verification }) {
      const pending = deliveryPendingSince !== null && { deliveryPendingSince };
      const foreignJwt = await encryptOptional(fields, placeOf(verificationId, "foreignJwt"), verification.foreignJwt);
      await raw.insertOne({ ...verification, foreignJwt, _id: verificationId, ...pending });
    },
    async find(verificationId) {
      const found = await batchFindById<Stored>(mongo, "verifications", verificationId);
      return found && decrypt(fields, found);
    },
    async pendingFor(credentialId, now, limit) {
      const found = await model
        .find({ credentialId, status: "pending", "challenge.expiresAt": { $gt: now } })
        .sort({ createdAt: -1 })
        .limit(limit)
        .lean();
      return Promise.all(found.map((stored) => decrypt(fields, stored)));
    },
    async decidedFor(credentialId, limit) {
      const newest = (status: Verification["status"]) =>
        model.find({ credentialId, status }).sort({ createdAt: -1 }).limit(limit).lean();
      const found = await Promise.all([newest("verified"), newest("failed")]);
      return Promise.all(found.flat().map((stored) => decrypt(fields, stored)));
    },
    async ofVerifier(filter, { limit, before }) {
      const { verifierId, credentialId } = filter;
      const conditions = [statusFilter(filter), before === null ? {} : requestedBefore(before)];
      const found = await model
        .find({ verifierId, ...(credentialId !== undefined && { credentialId }), $and: conditions })
        .sort({ createdAt: -1, _id: 1 })
        .limit(limit)
        .lean();
      return Promise.all(found.map((stored) => decrypt(fields, stored)));
    },
    async pendingOf(subjectDids, now, limit) {
      const found = await model
        .find({ subjectDid: { $in: subjectDids }, status: "pending", "challenge.expiresAt": { $gt: now } })
        .sort({ createdAt: -1 })
        .limit(limit)
        .lean();
      return Promise.all(found.map((stored) => decrypt(fields, stored)));
    },
    async countOpen({ verifierId, credentialId }, now, limit) {
      const open = { verifierId, status: "pending" as const, "challenge.expiresAt": { $gt: now } };
      const [ofVerifier, ofCredential] = await Promise.all([
        model.countDocuments(open, { limit: limit + 1 }),
        model.countDocuments({ ...open, credentialId }, { limit: limit + 1 }),
      ]);
      return { ofVerifier, ofCredential };
    },
    async remove(verificationId) {
      await raw.deleteOne({ _id: verificationId, status: "pending" });
    },
    recordVerified: (verification, taken) =>
      decide(verification, ["pending", "failed", "declined", "expired"], {
        status: "verified",
        decision: taken,
        at: taken.decidedAt,
      }),
    recordFailed: (verification, taken) =>
      decide(verification, ["pending"], { status: "failed", decision: taken, at: taken.decidedAt }),
    async recordDeclined({ verificationId, wantsWebhook }, { at, reason }) {
      const declineReason = await encryptOptional(fields, placeOf(verificationId, "declineReason"), reason);
      await raw.updateOne(
        { _id: verificationId, status: "pending" },
        {
          $set: {
            status: "declined",
            declinedAt: at,
            declineReason,
            ...(wantsWebhook && { deliveryPendingSince: at }),
          },
        },
      );
    },
    async unanswered(expiredBefore, limit) {
      const found = await model
        .find({ status: "pending", "challenge.expiresAt": { $lte: expiredBefore } }, { wantsWebhook: 1 })
        .sort({ "challenge.expiresAt": 1 })
        .limit(limit)
        .lean();
      return found.map(({ _id, wantsWebhook }) => ({ verificationId: _id, wantsWebhook }));
    },
    recordExpired: (verification, now) =>
      decide(verification, ["pending"], { status: "expired", decision: null, at: now }),
    async pendingDeliveries(decidedBefore, limit) {
      const found = await model
        .find({ deliveryPendingSince: { $lte: decidedBefore } }, { _id: 1 })
        .sort({ deliveryPendingSince: 1 })
        .limit(limit)
        .lean();
      return found.map(({ _id }) => _id);
    },
    async markHandedOver(verificationId, status) {
      const marked = await raw.updateOne({ _id: verificationId, status }, { $unset: { deliveryPendingSince: 1 } });
      return marked.matchedCount === 1;
    },
    async ofCredentials(credentialIds) {
      const found = await model
        .find({ credentialId: { $in: credentialIds } })
        .sort({ createdAt: -1 })
        .lean();
      return Promise.all(found.map((stored) => decrypt(fields, stored)));
    },
    async eraseHolder(credentialIds) {
      const known = { credentialId: { $in: credentialIds } };
      await raw.updateMany(known, { $set: { subjectDid: "", foreignJwt: null, declineReason: null } });
      await raw.updateMany(
        { ...known, decision: { $ne: null } },
        { $set: { "decision.presenterDid": "", "decision.signer": null } },
      );
    },
    purge: (requestedBefore) =>
      deleteInBatches(raw, { createdAt: { $lt: requestedBefore }, deliveryPendingSince: { $exists: false } }),
  };
}

function requestedBefore({ createdAt, verificationId }: NonNullable<OwnPage["before"]>): QueryFilter<Stored> {
  return { $or: [{ createdAt: { $lt: createdAt } }, { createdAt, _id: { $gt: verificationId } }] };
}

/** The stored form of a status as {@link statusAt} tells it. */
function statusFilter({ status, now }: Pick<OwnFilter, "status" | "now">): QueryFilter<Stored> {
  if (status === "pending") return { status, "challenge.expiresAt": { $gt: now } };
  if (status !== "expired") return status === undefined ? {} : { status };
  return { $or: [{ status }, { status: "pending", "challenge.expiresAt": { $lte: now } }] };
}

function placeOf(id: string, field: (typeof ENCRYPTED_VERIFICATION_FIELDS)["fields"][number]) {
  return { collection: ENCRYPTED_VERIFICATION_FIELDS.collection, field, id };
}

async function decrypt(
  fields: FieldCipher,
  { _id, deliveryPendingSince, foreignJwt, declinedAt, declineReason, ...rest }: Stored,
): Promise<Verification> {
  const reason = await decryptOptional(fields, placeOf(_id, "declineReason"), declineReason ?? null);
  return {
    ...rest,
    declined: declinedAt instanceof Date ? { at: declinedAt, reason } : null,
    verificationId: _id,
    foreignJwt: await decryptOptional(fields, placeOf(_id, "foreignJwt"), foreignJwt),
    deliveryPendingSince: deliveryPendingSince ?? null,
  };
}
