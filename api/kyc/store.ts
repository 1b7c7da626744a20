import { Schema } from "mongoose";
import { addSeconds } from "../../core/clock";
import type { Mongo } from "../../core/mongo";
import type { KycAnnouncement, KycState } from "./rules";

/** The right to open a session at a provider, so that two requests of one user do not open two. */
export interface KycOpening {
  /** Repeated to providers that recognise repeated requests by it. */
  attemptId: string;
  since: Date;
}

/** What a user's account holds of KYC; nothing of a document, an address or a provider's payload. */
export interface StoredKyc extends Partial<KycState> {
  opening?: KycOpening;
  /** A provider's link that cannot be asked for again, sealed; only while the session is pending. */
  resumeHandle?: string;
  /** What the user has not been told yet, the oldest first. */
  announcements?: KycAnnouncement[];
  /** When to look after this verification without being asked; absent when there is nothing to look after. */
  checkAt?: Date;
}

interface KycAccount {
  _id: string;
  kyc?: StoredKyc;
}

const announcement = new Schema<KycAnnouncement>(
  { version: Number, substatus: String, reason: String, mayRetry: Boolean, at: Date },
  { _id: false },
);

// This slice writes the field `kyc` of an account and nothing else; the rest of it belongs to the accounts' own store.
const schema = new Schema<KycAccount>(
  {
    _id: { type: String, required: true },
    kyc: new Schema<StoredKyc>(
      {
        ...{ status: String, substatus: String, provider: String, sessionId: String, rejectionReason: String },
        ...{ mayRetry: Boolean, version: Number, startedAt: Date, updatedAt: Date, decidedAt: Date },
        ...{ occurredAt: Date, expiresAt: Date, resumeHandle: String, checkAt: Date },
        opening: new Schema<KycOpening>({ attemptId: String, since: Date }, { _id: false }),
        announcements: { type: [announcement], default: undefined },
      },
      { _id: false },
    ),
  },
  { collection: "users", versionKey: false },
);
schema.index({ "kyc.status": 1 });
schema.index({ "kyc.sessionId": 1 }, { sparse: true });
schema.index({ "kyc.checkAt": 1 }, { sparse: true });

/** A user's verification with what is going on around it. */
export interface KycRecord {
  state: KycState | null;
  opening: KycOpening | null;
  resumeHandle: string | null;
  announcements: KycAnnouncement[];
}

/** The field `kyc` of the collection `users`. Every change is one conditional write to one account. */
export interface KycStore {
  /** Null when there is no such account. */
  find(userId: string): Promise<KycRecord | null>;
  /** Whose session this is; null when it is nobody's current one. */
  findBySession(provider: string, sessionId: string): Promise<string | null>;
  /**
   * Reserves the opening of a session, provided the verification is still at this version and nobody else has reserved
   * it, or is `stale`; of several callers one gets true.
   */
  reserveOpening(
    userId: string,
    from: { version: number; stale: KycOpening | null },
    opening: KycOpening,
  ): Promise<boolean>;
  /** Gives a reservation up. */
  releaseOpening(userId: string, attemptId: string): Promise<void>;
  /** Turns a reservation into a pending session; false when it was taken over. */
  open(
    userId: string,
    opening: KycOpening,
    session: { state: KycState; resumeHandle: string | null; checkAt: Date },
  ): Promise<boolean>;
  /**
   * Moves a verification on and keeps what the user is to be told of it, in one write; false when another change came
   * first.
   */
  advance(
    userId: string,
    from: KycState,
    to: KycState,
    announcement: KycAnnouncement | null,
    checkAt: Date,
  ): Promise<boolean>;
  /** Notes that the user was told. */
  announced(userId: string, version: number): Promise<void>;
  /** Sets when to look again, provided nothing has changed since; undefined when there is nothing to look after. */
  scheduleCheck(userId: string, version: number, checkAt: Date | undefined): Promise<void>;
  /** Users whose verification is to be looked after, the longest waiting first. */
  dueForCheck(now: Date, limit: number): Promise<string[]>;
}

/** Opens the verifications of users. */
export function openKycStore(mongo: Mongo): KycStore {
  const model = mongo.model<KycAccount>("KycAccount", schema);
  return {
    async find(userId) {
      const account = await model.findById(userId, { kyc: 1 }).lean();
      return account === null ? null : recordOf(account.kyc);
    },
    async findBySession(provider, sessionId) {
      const account = await model.findOne({ "kyc.sessionId": sessionId, "kyc.provider": provider }, { _id: 1 }).lean();
      return account?._id ?? null;
    },
    async reserveOpening(userId, { version, stale }, opening) {
      const { modifiedCount } = await model.updateOne(
        {
          _id: userId,
          "kyc.version": version === 0 ? { $exists: false } : version,
          "kyc.opening.attemptId": stale === null ? { $exists: false } : stale.attemptId,
          ...(stale !== null && { "kyc.opening.since": stale.since }),
        },
        { $set: { "kyc.opening": opening } },
      );
      return modifiedCount === 1;
    },
    async releaseOpening(userId, attemptId) {
      await model.updateOne({ _id: userId, "kyc.opening.attemptId": attemptId }, { $unset: { "kyc.opening": 1 } });
    },
    async open(userId, opening, { state, resumeHandle, checkAt }) {
      const { modifiedCount } = await model.updateOne(
        { _id: userId, "kyc.opening.attemptId": opening.attemptId, "kyc.opening.since": opening.since },
        {
          $set: {
            ...prefixed(state),
            "kyc.checkAt": checkAt,
            ...(resumeHandle !== null && { "kyc.resumeHandle": resumeHandle }),
          },
          $unset: { "kyc.opening": 1, ...(resumeHandle === null && { "kyc.resumeHandle": 1 }) },
        },
      );
      return modifiedCount === 1;
    },
    async advance(userId, from, to, announced, checkAt) {
      const { modifiedCount } = await model.updateOne(
        { _id: userId, "kyc.version": from.version, "kyc.sessionId": from.sessionId },
        {
          $set: { ...prefixed(to), "kyc.checkAt": checkAt },
          ...(announced !== null && { $push: { "kyc.announcements": announced } }),
          ...(to.status !== "pending" && { $unset: { "kyc.resumeHandle": 1 } }),
        },
      );
      return modifiedCount === 1;
    },
    async announced(userId, version) {
      await model.updateOne({ _id: userId }, { $pull: { "kyc.announcements": { version } } });
    },
    async scheduleCheck(userId, version, checkAt) {
      const change = checkAt === undefined ? { $unset: { "kyc.checkAt": 1 } } : { $set: { "kyc.checkAt": checkAt } };
      await model.updateOne({ _id: userId, "kyc.version": version }, change);
    },
    async dueForCheck(now, limit) {
      const found = await model
        .find({ "kyc.checkAt": { $lte: now } }, { _id: 1 })
        .sort({ "kyc.checkAt": 1 })
        .limit(limit)
        .lean();
      return found.map(({ _id }) => _id);
    },
  };
}

/** How long after a change whoever made it may take to tell the user, before others see to it. */
export function announceBy(now: Date): Date {
  return addSeconds(now, 60);
}

function prefixed(state: KycState): Record<string, unknown> {
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [`kyc.${name}`, value as unknown]));
}

function recordOf(kyc: StoredKyc | undefined): KycRecord {
  const { opening, resumeHandle, announcements, checkAt: _checkAt, ...state } = kyc ?? {};
  return {
    // The fields of a state are written together; where the version is, all are.
    state: state.version === undefined ? null : (state as KycState),
    opening: opening ?? null,
    resumeHandle: resumeHandle ?? null,
    announcements: announcements ?? [],
  };
}
