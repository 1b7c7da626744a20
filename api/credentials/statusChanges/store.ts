import { Schema } from "mongoose";
import type { Mongo } from "../../../core/mongo";
import { STATUS_CHANGES } from "../rules";
import { CHANGE_STATES, type ChangeState, type StatusChangeJob } from "./rules";

type Stored = Omit<StatusChangeJob, "changeId"> & { _id: string };

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    issuer: { type: String, required: true },
    change: { type: String, enum: STATUS_CHANGES, required: true },
    credentialIds: { type: [String], required: true },
    credIds: { type: [String], required: true },
    state: { type: String, enum: CHANGE_STATES, required: true },
    transactionHash: { type: String, default: null },
    blockNumber: { type: Number, default: null },
    error: { type: String, default: null },
    createdAt: { type: Date, required: true },
    updatedAt: { type: Date, required: true },
  },
  { collection: "credential_status_jobs", versionKey: false },
);
schema.index({ issuer: 1, state: 1, createdAt: 1 });
schema.index({ state: 1, updatedAt: 1 });

/** The collection `credential_status_jobs`. */
export interface ChangeStore {
  insert(job: StatusChangeJob): Promise<void>;
  find(changeId: string): Promise<StatusChangeJob | null>;
  /** The issuer's first change that is not in a block yet: changes go to the chain in the order they were asked for. */
  firstUnmined(issuer: string): Promise<StatusChangeJob | null>;
  markSubmitted(changeId: string, transactionHash: string, now: Date): Promise<void>;
  /** Records why a try failed that will be repeated. */
  recordError(changeId: string, error: string, now: Date): Promise<void>;
  /** The transaction that did it is known only if it was ours. */
  markMined(changeId: string, by: { transactionHash: string; blockNumber: number } | null, now: Date): Promise<void>;
  markFinal(changeId: string, now: Date): Promise<void>;
  /** A mined change is queued again: a reorg took it out of the chain. */
  requeue(changeId: string, now: Date): Promise<void>;
  markFailed(changeId: string, error: string, now: Date): Promise<void>;
  /** Those in a state since before `before`, the longest waiting first. */
  waiting(state: ChangeState, before: Date, limit: number): Promise<StatusChangeJob[]>;
}

/** Creates the store of status changes. */
export function createChangeStore(mongo: Mongo): ChangeStore {
  const model = mongo.model<Stored>("CredentialStatusJob", schema);

  async function move(changeId: string, from: ChangeState[], set: Partial<Stored>): Promise<void> {
    await model.updateOne({ _id: changeId, state: { $in: from } }, { $set: set });
  }

  return {
    async insert({ changeId, ...job }) {
      await model.create({ ...job, _id: changeId });
    },
    find: async (changeId) => rename(await model.findById(changeId).lean()),
    firstUnmined: async (issuer) =>
      rename(
        await model
          .findOne({ issuer, state: { $in: ["queued", "submitted"] } })
          .sort({ createdAt: 1, _id: 1 })
          .lean(),
      ),
    markSubmitted: (changeId, transactionHash, updatedAt) =>
      move(changeId, ["queued", "submitted"], { state: "submitted", transactionHash, error: null, updatedAt }),
    recordError: (changeId, error, updatedAt) => move(changeId, ["queued", "submitted"], { error, updatedAt }),
    markMined: (changeId, by, updatedAt) =>
      move(changeId, ["queued", "submitted"], { state: "mined", error: null, updatedAt, ...by }),
    markFinal: (changeId, updatedAt) => move(changeId, ["mined"], { state: "final", updatedAt }),
    requeue: (changeId, updatedAt) => move(changeId, ["mined"], { state: "queued", blockNumber: null, updatedAt }),
    markFailed: (changeId, error, updatedAt) =>
      move(changeId, ["queued", "submitted"], { state: "failed", error, updatedAt }),
    async waiting(state, before, limit) {
      const found = await model
        .find({ state, updatedAt: { $lt: before } })
        .sort({ updatedAt: 1 })
        .limit(limit)
        .lean();
      return found.map((stored) => rename(stored));
    },
  };
}

function rename(stored: Stored): StatusChangeJob;
function rename(stored: Stored | null): StatusChangeJob | null;
function rename(stored: Stored | null): StatusChangeJob | null {
  if (stored === null) return null;
  const { _id: changeId, ...rest } = stored;
  return { changeId, ...rest };
}
