import { Schema } from "mongoose";
import { addSeconds } from "../../core/clock";
import { isDuplicateKey, type Mongo } from "../../core/mongo";

/** Something a user's devices want to hear of at once. */
export interface UserEvent {
  /** Made from what happened, so that reporting it twice keeps it once. */
  _id: string;
  userId: string;
  /** For instance `kyc.changed`. */
  kind: string;
  /** What a device shows; no personal data. */
  data: Record<string, string | number | boolean | null>;
  at: Date;
}

const KEPT_SECONDS = 30 * 24 * 60 * 60;

const schema = new Schema<UserEvent & { forgetAt: Date }>(
  {
    _id: { type: String, required: true },
    userId: { type: String, required: true },
    kind: { type: String, required: true },
    data: { type: Schema.Types.Mixed, required: true },
    at: { type: Date, required: true },
    forgetAt: { type: Date, required: true },
  },
  { collection: "user_events", versionKey: false },
);
schema.index({ userId: 1, at: 1 });
schema.index({ forgetAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `user_events`: what the push stream hands on. */
export interface UserEvents {
  /** Keeps an event; keeping it again changes nothing. */
  append(event: UserEvent): Promise<void>;
  /** A user's events later than `after`, the oldest first. */
  since(userId: string, after: Date, limit: number): Promise<UserEvent[]>;
}

/** Opens the collection of events for users' devices. */
export function openUserEvents(mongo: Mongo): UserEvents {
  const model = mongo.model<UserEvent & { forgetAt: Date }>("UserEvent", schema);
  return {
    async append(event) {
      try {
        await model.create({ ...event, forgetAt: addSeconds(event.at, KEPT_SECONDS) });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    },
    since: (userId, after, limit) =>
      model
        .find({ userId, at: { $gt: after } }, { forgetAt: 0 })
        .sort({ at: 1 })
        .limit(limit)
        .lean(),
  };
}
