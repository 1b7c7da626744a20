import { Schema } from "mongoose";
import { addSeconds } from "../../../core/clock";
import { sha256Hex } from "../../../core/hash";
import { isDuplicateKey, type Mongo } from "../../../core/mongo";

/** A delivery as it is kept: what it said, reduced to what its reader needs. Never the body as it came. */
export interface InboxEntry {
  /** `<source>-<SHA-256 of the delivery key>`: the same delivery cannot be kept twice. */
  _id: string;
  /** Whose delivery it is, for instance `kyc`. */
  source: string;
  facts: unknown;
  requestId: string | null;
  receivedAt: Date;
  /** When a sweep may take the entry for forgotten; absent once it is finished. */
  sweepAt?: Date;
  finishedAt: Date | null;
  /** What came of it, a word for operators. */
  outcome: string | null;
  /** When the database may forget the entry, and with it the delivery key; absent until it is finished. */
  forgetAt?: Date;
}

/** Providers repeat a delivery for up to 7 days; a key remembered for 30 outlasts every schedule we know. */
const REMEMBERED_SECONDS = 30 * 24 * 60 * 60;

const schema = new Schema<InboxEntry>(
  {
    _id: { type: String, required: true },
    source: { type: String, required: true },
    facts: { type: Schema.Types.Mixed, required: true },
    requestId: { type: String, default: null },
    receivedAt: { type: Date, required: true },
    sweepAt: Date,
    finishedAt: { type: Date, default: null },
    outcome: { type: String, default: null },
    forgetAt: Date,
  },
  { collection: "webhook_inbox", versionKey: false },
);
schema.index({ sweepAt: 1 }, { sparse: true });
schema.index({ forgetAt: 1 }, { expireAfterSeconds: 0 });

/** The outcome of an entry that a rule refused: a person may mend the cause and have it worked on again. */
export const REFUSED = "refused";

/** The collection `webhook_inbox`. */
export interface Inbox {
  /**
   * Keeps a delivery, durably, before it is acknowledged.
   *
   * @param delivery.deliveryKey what the sender repeats when it repeats the delivery
   * @param delivery.sweepSeconds after which a sweep takes it in hand
   */
  keep(
    delivery: { source: string; deliveryKey: string; facts: unknown; requestId: string | null; sweepSeconds: number },
    now: Date,
  ): Promise<{ entryId: string; isNew: boolean }>;
  find(entryId: string): Promise<InboxEntry | null>;
  /** Notes what came of an entry. The first outcome stays, but for a refusal, after which it may be tried again. */
  finish(entryId: string, outcome: string, now: Date): Promise<void>;
  /** Unfinished entries whose time has come, the oldest first. */
  due(now: Date, limit: number): Promise<string[]>;
  /** Lets a sweep look at an unfinished entry again later. */
  postpone(entryId: string, sweepAt: Date): Promise<void>;
}

/** Opens the inbox. */
export function openInbox(mongo: Mongo): Inbox {
  const model = mongo.model<InboxEntry>("WebhookInbox", schema);
  return {
    async keep({ source, deliveryKey, facts, requestId, sweepSeconds }, now) {
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
      const forgetAt = addSeconds(now, REMEMBERED_SECONDS);
      const finished = { $set: { finishedAt: now, outcome, forgetAt }, $unset: { sweepAt: 1 } };
      await model.updateOne({ _id: entryId, outcome: { $in: [null, REFUSED] } }, finished);
    },
    async due(now, limit) {
      const found = await model
        .find({ sweepAt: { $lte: now } }, { _id: 1 })
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
