import { Schema } from "mongoose";
import { assertNever } from "../../../core/errors";
import { isDuplicateKey, type Mongo, rawCollection } from "../../../core/mongo";
import type { AttemptOutcome, Delivery } from "./rules";

type Stored = Omit<Delivery, "deliveryId" | "nextAttemptAt"> & {
  _id: string;
  /** Absent once nothing is to be attempted, so that the index of due deliveries stays small. */
  nextAttemptAt?: Date;
  /** When the database may drop a finished delivery; absent until it is finished. */
  purgeAt?: Date;
};

/** How long a finished delivery stays readable, and a repeated order for it harmless. */
const RETENTION_SECONDS = 30 * 24 * 60 * 60;

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    secretOwner: { type: String, required: true },
    url: { type: String, required: true },
    body: { type: String, required: true },
    createdAt: { type: Date, required: true },
    nextAttemptAt: Date,
    attempts: { type: Number, required: true },
    deliveredAt: { type: Date, default: null },
    lastError: { type: String, default: null },
    supersededBy: { type: String, default: null },
    purgeAt: Date,
  },
  { collection: "webhook_deliveries", versionKey: false },
);
schema.index({ nextAttemptAt: 1 }, { sparse: true });
schema.index({ secretOwner: 1, createdAt: -1, _id: 1 });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** Which page of an owner's deliveries is asked for: everything ordered before this place, the newest first. */
export interface DeliveryPage {
  limit: number;
  before: { createdAt: Date; deliveryId: string } | null;
}

/** The collection `webhook_deliveries`. */
export interface DeliveryStore {
  /** Adds a delivery; one whose id is there already stays as it is. */
  insert(delivery: Delivery): Promise<void>;
  find(deliveryId: string): Promise<Delivery | null>;
  /** Those whose messages are signed with this owner's secret, the newest first. */
  ofOwner(secretOwner: string, page: DeliveryPage): Promise<Delivery[]>;
  /**
   * Has a delivery of the owner attempted from the beginning, at this address.
   *
   * @returns whether there is such a delivery that nothing superseded
   */
  rearm(of: { deliveryId: string; secretOwner: string }, to: { url: string; at: Date }): Promise<boolean>;
  /** Deliveries to attempt now, the longest waiting first. */
  due(now: Date, limit: number): Promise<string[]>;
  /** Records one more attempt, unless another one was recorded since the delivery was read, or it was superseded. */
  recordAttempt(read: Delivery, outcome: AttemptOutcome): Promise<void>;
  /** Ends the attempts at a delivery that was replaced by another one; nothing changes when it is finished. */
  supersede(deliveryId: string, by: string, now: Date): Promise<void>;
}

/** Creates the store of deliveries. */
export function createDeliveryStore(mongo: Mongo): DeliveryStore {
  const model = mongo.model<Stored>("WebhookDelivery", schema);
  const raw = rawCollection<Stored>(mongo, "webhook_deliveries");
  return {
    async insert({ deliveryId, nextAttemptAt, ...delivery }) {
      try {
        await raw.insertOne({ ...delivery, _id: deliveryId, ...(nextAttemptAt !== null && { nextAttemptAt }) });
      } catch (error) {
        if (!isDuplicateKey(error, "_id")) throw error;
      }
    },
    async find(deliveryId) {
      const found = await model.findById(deliveryId).lean();
      return found && deliveryOf(found);
    },
    async ofOwner(secretOwner, { limit, before }) {
      const place = before && {
        $or: [
          { createdAt: { $lt: before.createdAt } },
          { createdAt: before.createdAt, _id: { $gt: before.deliveryId } },
        ],
      };
      const found = await model
        .find({ secretOwner, ...place })
        .sort({ createdAt: -1, _id: 1 })
        .limit(limit)
        .lean();
      return found.map(deliveryOf);
    },
    async rearm({ deliveryId, secretOwner }, { url, at }) {
      const rearmed = await raw.updateOne(
        { _id: deliveryId, secretOwner, supersededBy: null },
        { $set: { url, nextAttemptAt: at, attempts: 0 }, $unset: { purgeAt: 1 } },
      );
      return rearmed.matchedCount === 1;
    },
    async due(now, limit) {
      const due = model.find({ nextAttemptAt: { $lte: now } }, { _id: 1 }).sort({ nextAttemptAt: 1 });
      return (await due.limit(limit).lean()).map(({ _id }) => _id);
    },
    async recordAttempt({ deliveryId, attempts, nextAttemptAt }, outcome) {
      await model.updateOne({ _id: deliveryId, attempts, nextAttemptAt }, changeOf(outcome));
    },
    async supersede(deliveryId, by, now) {
      const ended = { supersededBy: by, purgeAt: purgeAtOf(now) };
      await model.updateOne(
        { _id: deliveryId, nextAttemptAt: { $exists: true } },
        { $set: ended, $unset: { nextAttemptAt: 1 } },
      );
    },
  };
}

function changeOf(outcome: AttemptOutcome) {
  const $inc = { attempts: 1 };
  switch (outcome.result) {
    case "delivered": {
      const { at } = outcome;
      return {
        $inc,
        $set: { deliveredAt: at, lastError: null, purgeAt: purgeAtOf(at) },
        $unset: { nextAttemptAt: 1 as const },
      };
    }
    case "failed":
      return { $inc, $set: { lastError: outcome.error, nextAttemptAt: outcome.nextAttemptAt } };
    case "given_up": {
      const { error, at } = outcome;
      return { $inc, $set: { lastError: error, purgeAt: purgeAtOf(at) }, $unset: { nextAttemptAt: 1 as const } };
    }
    default:
      return assertNever(outcome);
  }
}

function purgeAtOf(now: Date): Date {
  return new Date(now.getTime() + RETENTION_SECONDS * 1000);
}

function deliveryOf({ _id, purgeAt: _purgeAt, nextAttemptAt, ...delivery }: Stored): Delivery {
  return { ...delivery, deliveryId: _id, nextAttemptAt: nextAttemptAt ?? null };
}
