import { Schema } from "mongoose";
import { addSeconds } from "../../../core/clock";
import { sha256Hex } from "../../../core/hash";
import { isDuplicateKey, type Mongo } from "../../../core/mongo";
import { type InboxEntry, type InboxSource, REJECTED, SOURCES } from "./rules";

/** Providers repeat a delivery for up to 7 days; a key stored for 30 outlasts every schedule known. */
const RETENTION_SECONDS = 30 * 24 * 60 * 60;

const schema = new Schema<InboxEntry>(
  {
    _id: { type: String, required: true },
    source: { type: String, enum: SOURCES, required: true },
    facts: { type: Schema.Types.Mixed, required: true },
    requestId: { type: String, default: null },
    receivedAt: { type: Date, required: true },
    sweepAt: Date,
    finishedAt: { type: Date, default: null },
    outcome: { type: String, default: null },
    purgeAt: Date,
  },
  { collection: "webhook_inbox", versionKey: false },
);
schema.index({ source: 1, sweepAt: 1 }, { partialFilterExpression: { sweepAt: { $type: "date" } } });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `webhook_inbox`. */
export interface InboxStore {
  /**
   * Stores a delivery durably, before it is acknowledged.
   *
   * @param delivery.deliveryKey what the sender repeats when it repeats the delivery
   * @param delivery.sweepSeconds after which a sweep takes it in hand
   */
  insert(
    delivery: {
      source: InboxSource;
      deliveryKey: string;
      facts: unknown;
      requestId: string | null;
      sweepSeconds: number;
    },
    now: Date,
  ): Promise<{ entryId: string; isNew: boolean }>;
  find(entryId: string): Promise<InboxEntry | null>;
  /** Records the outcome of an entry. The first one stays, except a rejection, after which it may be tried again. */
  finish(entryId: string, outcome: string, now: Date): Promise<void>;
  /** A source's unfinished entries whose time has come, the oldest first. */
  due(source: InboxSource, now: Date, limit: number): Promise<string[]>;
  /** Sets when a sweep takes an unfinished entry up again. */
  postpone(entryId: string, sweepAt: Date): Promise<void>;
}

/** Creates the store of the inbox. */
export function createInboxStore(mongo: Mongo): InboxStore {
  const model = mongo.model<InboxEntry>("WebhookInbox", schema);
  return {
    async insert({ source, deliveryKey, facts, requestId, sweepSeconds }, now) {
      const entryId = `${source}-${sha256Hex(deliveryKey)}`;
      const sweepAt = addSeconds(now, sweepSeconds);
      try {
        await model.create({ _id: entryId, source, facts, requestId, receivedAt: now, sweepAt });
        return { entryId, isNew: true };
      } catch (error) {
        if (isDuplicateKey(error)) return { entryId, isNew: false };
        throw error;
      }
    },
    find: (entryId) => model.findById(entryId).lean(),
    async finish(entryId, outcome, now) {
      const purgeAt = addSeconds(now, RETENTION_SECONDS);
      const finished = { $set: { finishedAt: now, outcome, purgeAt }, $unset: { sweepAt: 1 } };
      await model.updateOne({ _id: entryId, outcome: { $in: [null, REJECTED] } }, finished);
    },
    async due(source, now, limit) {
      const found = await model
        .find({ source, sweepAt: { $type: "date", $lte: now } }, { _id: 1 })
        .sort({ sweepAt: 1 })
        .limit(limit)
        .lean();
      return found.map(({ _id }) => _id);
    },
    async postpone(entryId, sweepAt) {
      await model.updateOne({ _id: entryId, finishedAt: null }, { $set: { sweepAt } });
    },
  };
}
