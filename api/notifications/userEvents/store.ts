import { Schema } from "mongoose";
import { addSeconds } from "../../../core/clock";
import { isDuplicateKey, type Mongo } from "../../../core/mongo";

/** Something a user's devices are to be sent at once. */
export interface UserEvent {
  /** Derived from the event, so that publishing it twice stores it once. */
  _id: string;
  userId: string;
  /** For instance `kyc.changed`. */
  kind: string;
  /** What a device shows; no personal data. */
  data: Record<string, string | number | boolean | null>;
  at: Date;
}

const RETENTION_SECONDS = 30 * 24 * 60 * 60;

const schema = new Schema<UserEvent & { purgeAt: Date }>(
  {
    _id: { type: String, required: true },
    userId: { type: String, required: true },
    kind: { type: String, required: true },
    data: { type: Schema.Types.Mixed, required: true },
    at: { type: Date, required: true },
    purgeAt: { type: Date, required: true },
  },
  { collection: "user_events", versionKey: false },
);
schema.index({ userId: 1, at: 1 });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `user_events`: what the push stream delivers. */
export interface UserEventStore {
  /** Stores an event; storing it again changes nothing. */
  append(event: UserEvent): Promise<void>;
  /** A user's events later than `after`, the oldest first. */
  since(userId: string, after: Date, limit: number): Promise<UserEvent[]>;
  deleteOf(userId: string): Promise<void>;
}

/** Creates the store of events for users' devices. */
export function createUserEventStore(mongo: Mongo): UserEventStore {
  const model = mongo.model<UserEvent & { purgeAt: Date }>("UserEvent", schema);
  return {
    async append(event) {
      try {
        await model.create({ ...event, purgeAt: addSeconds(event.at, RETENTION_SECONDS) });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    since: (userId, after, limit) =>
      model
        .find({ userId, at: { $gt: after } }, { purgeAt: 0 })
        .sort({ at: 1 })
        .limit(limit)
        .lean(),
    async deleteOf(userId) {
      await model.deleteMany({ userId });
    },
  };
}
