import { Schema } from "mongoose";
import { type Mongo, rawCollection } from "../../core/mongo";
import { batchFindById } from "../../core/batchFindById";
import type { RefusalCode } from "./rules";

/** The decision on a presentation. */
export interface Decision {
  /** Null when all checks passed; every check by name follows from it. */
  code: RefusalCode | null;
  message: string;
  presenterDid: string;
  /** SHA-256 of the confirmation it was taken on. */
  confirmationHash: string;
  decidedAt: Date;
  block: { number: number; hash: string };
}

/** How far the verifier has been told. */
export interface Delivery {
  /** When to try next; null once it is delivered or given up. */
  dueAt: Date | null;
  attempts: number;
  deliveredAt: Date | null;
  fault: string | null;
}

export const VERIFICATION_STATUSES = ["pending", "verified", "failed"] as const;

/** One request of a verifier to see one credential. */
export interface Verification {
  verificationId: string;
  verifierId: string;
  verifierName: string;
  credentialId: string;
  subjectDid: string;
  /** The JWT the verifier was shown, when it is not the one that was issued; null otherwise. */
  foreignJwt: string | null;
  /** `digest`: what a wallet signs when it is given the message (EIP-191), `0x` and 64 hexadecimal digits. */
  challenge: { nonce: string; message: string; digest: string; issuedAt: Date; expiresAt: Date };
  status: (typeof VERIFICATION_STATUSES)[number];
  decision: Decision | null;
  /** Null when the verifier wants no webhook. */
  delivery: Delivery | null;
  createdAt: Date;
}

type Stored = Omit<Verification, "verificationId"> & { _id: string };

const embedded = { _id: false } as const;

const decision = new Schema<Decision>(
  {
    code: { type: String, default: null },
    message: { type: String, default: "" },
    presenterDid: { type: String, required: true },
    confirmationHash: { type: String, required: true },
    decidedAt: { type: Date, required: true },
    block: { type: new Schema({ number: Number, hash: String }, embedded), required: true },
  },
  embedded,
);

const delivery = new Schema<Delivery>(
  {
    dueAt: { type: Date, default: null },
    attempts: { type: Number, required: true },
    deliveredAt: { type: Date, default: null },
    fault: { type: String, default: null },
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
    challenge: { type: challenge, required: true },
    status: { type: String, enum: VERIFICATION_STATUSES, required: true },
    decision: { type: decision, default: null },
    delivery: { type: delivery, default: null },
    createdAt: { type: Date, required: true },
  },
  { collection: "verifications", versionKey: false },
);
schema.index({ credentialId: 1, status: 1, createdAt: -1 });
schema.index({ "delivery.dueAt": 1 });

/** Which verification is decided, and whether its verifier is to be told. */
export type Decided = Pick<Verification, "verificationId" | "delivery">;

/** The collection `verifications`. */
export interface VerificationStore {
  insert(verification: Verification): Promise<void>;
  find(verificationId: string): Promise<Verification | null>;
  /** Requests for a credential that nobody answered yet and that are not too old, the newest first. */
  pendingFor(credentialId: string, now: Date, limit: number): Promise<Verification[]>;
  /**
   * Records that a use was taken. Stands above a failure: while the holder's confirmation was being checked, a stranger
   * may have been refused, and the use is taken all the same.
   */
  noteVerified(verification: Decided, decision: Decision): Promise<void>;
  /** Records a refusal, unless something was decided before. */
  noteFailed(verification: Decided, decision: Decision): Promise<void>;
  /** Verifications whose verifier is due to be told, the longest waiting first. */
  dueDeliveries(now: Date, limit: number): Promise<Verification[]>;
  /** Notes an attempt to tell the verifier; what was due at another time was another attempt's. */
  noteDelivery(verificationId: string, dueAt: Date, after: Delivery): Promise<void>;
}

/** Opens the collection of verifications. */
export function openVerificationStore(mongo: Mongo): VerificationStore {
  const model = mongo.model<Stored>("Verification", schema);
  const raw = rawCollection<Stored>(mongo, "verifications");

  async function decide(
    { verificationId, delivery: told }: Decided,
    from: Verification["status"][],
    to: Verification["status"],
    taken: Decision,
  ): Promise<void> {
    const due = { "delivery.dueAt": taken.decidedAt, "delivery.attempts": 0, "delivery.deliveredAt": null };
    await raw.updateOne(
      { _id: verificationId, status: { $in: from } },
      { $set: { status: to, decision: taken, ...(told !== null && due) } },
    );
  }

  return {
    async insert({ verificationId, ...verification }) {
      await raw.insertOne({ ...verification, _id: verificationId });
    },
    async find(verificationId) {
      const found = await batchFindById<Stored>(mongo, "verifications", verificationId);
      return found && rename(found);
    },
    async pendingFor(credentialId, now, limit) {
      const found = await model
        .find({ credentialId, status: "pending", "challenge.expiresAt": { $gt: now } })
        .sort({ createdAt: -1 })
        .limit(limit)
        .lean();
      return found.map(rename);
    },
    noteVerified: (verification, taken) => decide(verification, ["pending", "failed"], "verified", taken),
    noteFailed: (verification, taken) => decide(verification, ["pending"], "failed", taken),
    async dueDeliveries(now, limit) {
      const found = await model
        .find({ "delivery.dueAt": { $lte: now } })
        .sort({ "delivery.dueAt": 1 })
        .limit(limit)
        .lean();
      return found.map(rename);
    },
    async noteDelivery(verificationId, dueAt, after) {
      await model.updateOne({ _id: verificationId, "delivery.dueAt": dueAt }, { $set: { delivery: after } });
    },
  };
}

function rename({ _id, ...rest }: Stored): Verification {
  return { verificationId: _id, ...rest };
}
