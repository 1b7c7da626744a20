import { Schema } from "mongoose";
import { isDuplicateKey, type Mongo } from "../../core/mongo";
import type { KycNotice, KycState } from "./rules";

/** The right to create a session at a provider, so that two requests of one user do not create two. */
export interface SessionClaim {
  /** Repeated to providers that recognise repeated requests by it. */
  attemptId: string;
  since: Date;
}

/** A user's verification as stored; nothing of a document, an address or a provider's payload. */
interface StoredVerification extends Partial<KycState> {
  /** The user's id. */
  _id: string;
  claim?: SessionClaim;
  /** A provider's link that cannot be asked for again, sealed; only while the session is pending. */
  resumeHandle?: string;
  /** What the user has not been notified of yet, the oldest first. */
  pendingNotices?: KycNotice[];
  /** When to check on this verification; absent when there is nothing to check. */
  checkAt?: Date;
}

const notice = new Schema<KycNotice>(
  { version: Number, substatus: String, reason: String, mayRetry: Boolean, at: Date },
  { _id: false },
);

const schema = new Schema<StoredVerification>(
  {
    _id: { type: String, required: true },
    status: String,
    substatus: String,
    provider: String,
    sessionId: String,
    rejectionReason: String,
    mayRetry: Boolean,
    version: Number,
    startedAt: Date,
    updatedAt: Date,
    decidedAt: Date,
    occurredAt: Date,
    expiresAt: Date,
    resumeHandle: String,
    checkAt: Date,
    claim: new Schema<SessionClaim>({ attemptId: String, since: Date }, { _id: false }),
    pendingNotices: { type: [notice], default: undefined },
  },
  { collection: "kyc_verifications", versionKey: false },
);
schema.index({ status: 1 });
schema.index({ sessionId: 1 }, { sparse: true });
schema.index({ checkAt: 1 }, { sparse: true });

/** A user's verification with what is under way around it. */
export interface KycRecord {
  /** Null before the first session. */
  state: KycState | null;
  claim: SessionClaim | null;
  resumeHandle: string | null;
  pendingNotices: KycNotice[];
}

/** The collection `kyc_verifications`, one document a user. Every change is one conditional write. */
export interface KycStore {
  /** A user without a document has the record of one who never started. */
  find(userId: string): Promise<KycRecord>;
  /** Whose session this is; null when it is nobody's current one. */
  findBySession(provider: string, sessionId: string): Promise<string | null>;
  /**
   * Claims the creation of a session, provided the verification is still at this version and nobody else has claimed
   * it, or the claim is `stale`; of several callers one gets true.
   */
  claimSession(
    userId: string,
    from: { version: number; stale: SessionClaim | null },
    claim: SessionClaim,
  ): Promise<boolean>;
  /** Gives a claim up; one that another request took over stays with it. */
  releaseClaim(userId: string, claim: SessionClaim): Promise<void>;
  /**
   * Turns a claim into a pending session; false when another request took the claim over, or the verification is no
   * longer at the version before the session's: a decision on the former session came first.
   */
  startSession(
    userId: string,
    claim: SessionClaim,
    session: { state: KycState; resumeHandle: string | null; checkAt: Date },
  ): Promise<boolean>;
  /**
   * Moves a verification on and stores what the user is to be notified of, in one write; false when another change
   * came first.
   */
  advance(userId: string, from: KycState, to: KycState, notice: KycNotice | null, checkAt: Date): Promise<boolean>;
  /** Records that the user was notified of a version. */
  markNotified(userId: string, version: number): Promise<void>;
  /** Sets when to check again, provided nothing has changed since; undefined when there is nothing to check. */
  scheduleCheck(userId: string, version: number, checkAt: Date | undefined): Promise<void>;
  /** Users whose verification is due for a check, the longest waiting first. */
  dueForCheck(now: Date, limit: number): Promise<string[]>;
  /** Deletes a user's verification; what its provider still says is about nobody's session then. */
  delete(userId: string): Promise<void>;
}

/** Creates the store of verifications. */
export function createKycStore(mongo: Mongo): KycStore {
  const model = mongo.model<StoredVerification>("KycVerification", schema);
  return {
    async find(userId) {
      return recordOf(await model.findById(userId).lean());
    },
    async findBySession(provider, sessionId) {
      const found = await model.findOne({ sessionId, provider }, { _id: 1 }).lean();
      return found?._id ?? null;
    },
    async claimSession(userId, { version, stale }, claim) {
      const free = {
        _id: userId,
        version: atVersion(version),
        "claim.attemptId": stale === null ? { $exists: false } : stale.attemptId,
        ...(stale !== null && { "claim.since": stale.since }),
      };
      try {
        // A user's first claim makes the document; where there is one that does not match, the insert is refused.
        const { modifiedCount, upsertedCount } = await model.updateOne(free, { $set: { claim } }, { upsert: true });
        return modifiedCount + upsertedCount === 1;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },
    async releaseClaim(userId, { attemptId, since }) {
      await model.updateOne(
        { _id: userId, "claim.attemptId": attemptId, "claim.since": since },
        { $unset: { claim: 1 } },
      );
    },
    async startSession(userId, claim, { state, resumeHandle, checkAt }) {
      const { modifiedCount } = await model.updateOne(
        {
          _id: userId,
          version: atVersion(state.version - 1),
          "claim.attemptId": claim.attemptId,
          "claim.since": claim.since,
        },
        {
          $set: { ...state, checkAt, ...(resumeHandle !== null && { resumeHandle }) },
          $unset: { claim: 1, ...(resumeHandle === null && { resumeHandle: 1 }) },
        },
      );
      return modifiedCount === 1;
    },
    async advance(userId, from, to, added, checkAt) {
      const { modifiedCount } = await model.updateOne(
        { _id: userId, version: from.version, sessionId: from.sessionId },
        {
          $set: { ...to, checkAt },
          ...(added !== null && { $push: { pendingNotices: added } }),
          ...(to.status !== "pending" && { $unset: { resumeHandle: 1 } }),
        },
      );
      return modifiedCount === 1;
    },
    async markNotified(userId, version) {
      await model.updateOne({ _id: userId }, { $pull: { pendingNotices: { version } } });
    },
    async scheduleCheck(userId, version, checkAt) {
      const change = checkAt === undefined ? { $unset: { checkAt: 1 } } : { $set: { checkAt } };
      await model.updateOne({ _id: userId, version }, change);
    },
    async delete(userId) {
      await model.deleteOne({ _id: userId });
    },
    async dueForCheck(now, limit) {
      const found = await model
        .find({ checkAt: { $lte: now } }, { _id: 1 })
        .sort({ checkAt: 1 })
        .limit(limit)
        .lean();
      return found.map(({ _id }) => _id);
    },
  };
}

/** The document of a user who never started a session has no version. */
function atVersion(version: number) {
  return version === 0 ? { $exists: false } : version;
}

function recordOf(stored: StoredVerification | null): KycRecord {
  const { _id, claim, resumeHandle, pendingNotices, checkAt: _checkAt, ...state } = stored ?? { _id: "" };
  return {
    // The fields of a state are written together; where the version is, all are.
    state: state.version === undefined ? null : (state as KycState),
    claim: claim ?? null,
    resumeHandle: resumeHandle ?? null,
    pendingNotices: pendingNotices ?? [],
  };
}
