import { Schema } from "mongoose";
import { addSeconds } from "../../core/clock";
import { isDuplicateKey, type Mongo } from "../../core/mongo";
import type { NotificationFacts, NotificationTemplate } from "./wording";

/**
 * - `waiting`: to be sent;
 * - `handing_over`: a worker is past the point at which it could be held back;
 * - `sent`: the mail server took it;
 * - `uncertain`: the worker ended before it knew; not sent again, so that nobody gets one message twice;
 * - `given_up`: nobody to send it to, or refused for good; certainly not sent, so that a person may have it tried again.
 */
export type NotificationState = "waiting" | "handing_over" | "sent" | "uncertain" | "given_up";

/** A notification as stored: the user and the facts, not the address or the words. */
export interface StoredNotification {
  /** Derived from the event, so that notifying twice stores it once; letters, digits, `_` and `-`. */
  _id: string;
  userId: string;
  template: NotificationTemplate;
  facts: NotificationFacts;
  state: NotificationState;
  createdAt: Date;
  changedAt: Date;
  /** When a sweep queues the notification again; absent once it is finished. */
  sweepAt?: Date;
  /** When the database deletes it. */
  purgeAt?: Date;
}

const RETENTION_SECONDS = 90 * 24 * 60 * 60;

/** Longer than handing one message over can take, see smtpMailer.ts. */
const HANDOVER_SECONDS = 5 * 60;

const schema = new Schema<StoredNotification>(
  {
    _id: { type: String, required: true },
    userId: { type: String, required: true },
    template: { type: String, required: true },
    facts: { type: new Schema({ reason: String, mayRetry: Boolean }, { _id: false }), required: true },
    state: { type: String, required: true },
    createdAt: { type: Date, required: true },
    changedAt: { type: Date, required: true },
    sweepAt: Date,
    purgeAt: Date,
  },
  { collection: "notifications", versionKey: false },
);
schema.index({ userId: 1 });
schema.index({ sweepAt: 1 }, { sparse: true });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

export type NewNotification = Pick<StoredNotification, "_id" | "userId" | "template" | "facts">;

/** The collection `notifications`. */
export interface NotificationStore {
  /** Stores a notification that is to be sent; storing it again changes nothing. */
  insert(notification: NewNotification, now: Date, sweepSeconds: number): Promise<void>;
  find(notificationId: string): Promise<StoredNotification | null>;
  /** A user's notifications, the newest first. */
  ofUser(userId: string): Promise<StoredNotification[]>;
  deleteOf(userId: string): Promise<void>;
  /** Takes a waiting notification past the point of no return; of several callers one gets true. */
  beginHandover(notificationId: string, now: Date): Promise<boolean>;
  /** Goes back to waiting, because the message was certainly not taken. */
  abandonHandover(notificationId: string, now: Date, sweepAt: Date): Promise<void>;
  /** Records the end. An uncertain one may still be recorded as sent, by the worker that sent it. */
  finish(notificationId: string, state: "sent" | "uncertain" | "given_up", now: Date): Promise<void>;
  /** Notifications whose time has come, the oldest first. */
  due(now: Date, limit: number): Promise<string[]>;
  /** Sets when a sweep takes an unfinished notification up again. */
  postpone(notificationId: string, sweepAt: Date): Promise<void>;
}

/** Creates the store of notifications. */
export function createNotificationStore(mongo: Mongo): NotificationStore {
  const model = mongo.model<StoredNotification>("Notification", schema);
  return {
    async insert(notification, now, sweepSeconds) {
      const sweepAt = addSeconds(now, sweepSeconds);
      try {
        await model.create({ ...notification, state: "waiting", createdAt: now, changedAt: now, sweepAt });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    find: (notificationId) => model.findById(notificationId).lean(),
    ofUser: (userId) => model.find({ userId }).sort({ createdAt: -1 }).lean(),
    async deleteOf(userId) {
      await model.deleteMany({ userId });
    },
    async beginHandover(notificationId, now) {
      const { modifiedCount } = await model.updateOne(
        { _id: notificationId, state: { $in: ["waiting", "given_up"] } },
        {
          $set: { state: "handing_over", changedAt: now, sweepAt: addSeconds(now, HANDOVER_SECONDS) },
          $unset: { purgeAt: 1 },
        },
      );
      return modifiedCount === 1;
    },
    async abandonHandover(notificationId, now, sweepAt) {
      const back = { $set: { state: "waiting", changedAt: now, sweepAt } };
      await model.updateOne({ _id: notificationId, state: "handing_over" }, back);
    },
    async finish(notificationId, state, now) {
      const from: NotificationState[] = [
        "waiting",
        "handing_over",
        ...(state === "sent" ? (["uncertain"] as const) : []),
      ];
      const purgeAt = addSeconds(now, RETENTION_SECONDS);
      await model.updateOne(
        { _id: notificationId, state: { $in: from } },
        { $set: { state, changedAt: now, purgeAt }, $unset: { sweepAt: 1 } },
      );
    },
    async due(now, limit) {
      const found = await model
        .find({ sweepAt: { $lte: now } }, { _id: 1 })
        .sort({ sweepAt: 1 })
        .limit(limit)
        .lean();
      return found.map(({ _id }) => _id);
    },
    async postpone(notificationId, sweepAt) {
      await model.updateOne({ _id: notificationId, sweepAt: { $exists: true } }, { $set: { sweepAt } });
    },
  };
}
