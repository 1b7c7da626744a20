import { Schema } from "mongoose";
import { addSeconds } from "../../../core/clock";
import type { Mongo } from "../../../core/mongo";
import type { KycSubstatus } from "../rules";

/** One thing that happened to a sandbox session; the sandbox reports each by a webhook of its own. */
export interface SandboxEvent {
  id: string;
  substatus: KycSubstatus;
  at: Date;
}

/** A session at the sandbox provider, which plays the part of somebody else's service. */
export interface SandboxSession {
  /** `sbx_` and 256 random bits: whoever knows it may decide it. */
  _id: string;
  /** Whom the session is for, as the customer names them: our user id. */
  reference: string;
  substatus: KycSubstatus;
  events: SandboxEvent[];
  createdAt: Date;
  expiresAt: Date;
  /** Absent while the session is under review, which has no end but its decision. */
  purgeAt?: Date;
}

const RETENTION_SECONDS = 7 * 24 * 60 * 60;

/** A session in one of these can still be decided. */
const UNDECIDED: KycSubstatus[] = ["opened", "in_progress", "resubmission_requested", "needs_review"];

const schema = new Schema<SandboxSession>(
  {
    _id: { type: String, required: true },
    reference: { type: String, required: true },
    substatus: { type: String, required: true },
    events: [new Schema<SandboxEvent>({ id: String, substatus: String, at: Date }, { _id: false })],
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    purgeAt: Date,
  },
  { collection: "kyc_sandbox_sessions", versionKey: false },
);
schema.index({ reference: 1 });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `kyc_sandbox_sessions`. */
export interface SandboxStore {
  insert(session: Pick<SandboxSession, "_id" | "reference" | "createdAt" | "expiresAt">): Promise<void>;
  find(sessionId: string): Promise<SandboxSession | null>;
  /** Deletes the sessions of a user. */
  deleteOf(reference: string): Promise<void>;
  /** Appends what happened, the last of it being where the session now stands; false when it was closed before. What is under review stays open. */
  append(sessionId: string, events: [SandboxEvent, ...SandboxEvent[]], now: Date): Promise<boolean>;
}

/** Creates the store of the sandbox's sessions. */
export function createSandboxStore(mongo: Mongo): SandboxStore {
  const model = mongo.model<SandboxSession>("KycSandboxSession", schema);
  return {
    async insert(session) {
      const purgeAt = addSeconds(session.expiresAt, RETENTION_SECONDS);
      await model.create({ ...session, substatus: "opened", events: [], purgeAt });
    },
    find: (sessionId) => model.findById(sessionId).lean(),
    async deleteOf(reference) {
      await model.deleteMany({ reference });
    },
    async append(sessionId, events, now) {
      const { substatus } = events.at(-1) ?? events[0];
      const open = [{ expiresAt: { $gt: now } }, { substatus: "needs_review" as const }];
      const purge =
        substatus === "needs_review"
          ? { $set: { substatus }, $unset: { purgeAt: 1 as const } }
          : { $set: { substatus, purgeAt: addSeconds(now, RETENTION_SECONDS) } };
      const { modifiedCount } = await model.updateOne(
        { _id: sessionId, substatus: { $in: UNDECIDED }, $or: open },
        { ...purge, $push: { events: { $each: events } } },
      );
      return modifiedCount === 1;
    },
  };
}
