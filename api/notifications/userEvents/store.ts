import { Schema } from "mongoose";
import { addSeconds } from "../../../core/clock";
import { isDuplicateKey, type Mongo } from "../../../core/mongo";
import type { UserEvent } from "./rules";

/** An event with what deleting and announcing it needs. */
interface StoredUserEvent extends UserEvent {
  /** The user's id, at the user's newest event alone: it stays for as long as no other follows it. */
  headOf?: string;
  /** When the gateways were told of it. */
  announcedAt?: Date;
  /** When a sweep announces it; absent once it is announced. */
  sweepAt?: Date;
  /** When the database deletes it; absent at the newest. */
  purgeAt?: Date;
}

const RETENTION_SECONDS = 30 * 24 * 60 * 60;

const schema = new Schema<StoredUserEvent>(
  {
    _id: { type: String, required: true },
    userId: { type: String, required: true },
    seq: { type: Number, required: true },
    type: { type: String, required: true },
    payload: { type: Schema.Types.Mixed, required: true },
    at: { type: Date, required: true },
    headOf: String,
    announcedAt: Date,
    sweepAt: Date,
    purgeAt: Date,
  },
  // An empty payload is one.
  { collection: "user_events", versionKey: false, minimize: false },
);
schema.index({ userId: 1, seq: 1 }, { unique: true });
schema.index({ headOf: 1 }, { sparse: true });
schema.index({ sweepAt: 1 }, { sparse: true });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `user_events`: what the push stream delivers. */
export interface UserEventStore {
  /**
   * Stores an event under the next number of its user. Of any number of callers with one `_id` one stores it, and the
   * numbers of different events follow each other without a gap: an event is stored only after the one before it.
   *
   * @returns the event as it is stored, and whether this call stored it; null for an event that was deleted meanwhile
   */
  append(
    event: Omit<UserEvent, "seq">,
    times: { now: Date; sweepAt: Date },
  ): Promise<{ event: UserEvent; isNew: boolean } | null>;
  /** A user's events with a number above `after`, in their order. */
  after(userId: string, after: number, limit: number): Promise<UserEvent[]>;
  /** The numbers of these users' newest events; users without any are left out. */
  heads(userIds: string[]): Promise<Map<string, number>>;
  /** Events that were not announced in time, the longest waiting first. */
  unannounced(now: Date, limit: number): Promise<UserEvent[]>;
  markAnnounced(eventIds: string[], now: Date): Promise<void>;
  deleteOf(userId: string): Promise<void>;
}

const PUBLIC_FIELDS = { headOf: 0, announcedAt: 0, sweepAt: 0, purgeAt: 0 } as const;

/** Creates the store of events for users' devices. */
export function createUserEventStore(mongo: Mongo): UserEventStore {
  const model = mongo.model<StoredUserEvent>("UserEvent", schema);

  async function headOf(userId: string): Promise<number> {
    const head = await model.findOne({ userId }, { seq: 1 }).sort({ seq: -1 }).lean();
    return head?.seq ?? 0;
  }

  /** False when somebody else stored an event under this number. */
  async function insert(stored: StoredUserEvent): Promise<boolean> {
    try {
      await model.create(stored);
      return true;
    } catch (error) {
      if (isDuplicateKey(error, "seq")) return false;
      throw error;
    }
  }

  /** Lets go of what is no longer the newest: deleting that would begin the user's numbers anew. */
  async function releaseEarlierHeads({ userId, seq }: UserEvent, now: Date): Promise<void> {
    const purgeAt = addSeconds(now, RETENTION_SECONDS);
    await model.updateMany({ headOf: userId, seq: { $lt: seq } }, { $set: { purgeAt }, $unset: { headOf: 1 } });
  }

  return {
    async append(event, { now, sweepAt }) {
      const { userId } = event;
      try {
        let stored: StoredUserEvent;
        do stored = { ...event, seq: (await headOf(userId)) + 1, headOf: userId, sweepAt };
        while (!(await insert(stored)));
        await releaseEarlierHeads(stored, now);
        return { event: { ...event, seq: stored.seq }, isNew: true };
      } catch (error) {
        if (!isDuplicateKey(error, "_id")) throw error;
        const present = await model.findById(event._id, PUBLIC_FIELDS).lean();
        return present && { event: present, isNew: false };
      }
    },
    after: (userId, after, limit) =>
      model
        .find({ userId, seq: { $gt: after } }, PUBLIC_FIELDS)
        .sort({ seq: 1 })
        .limit(limit)
        .lean(),
    async heads(userIds) {
      const found = await model.find({ headOf: { $in: userIds } }, { headOf: 1, seq: 1 }).lean();
      const heads = new Map<string, number>();
      // Whoever died between two writes left two: the later one counts.
      for (const { headOf: userId = "", seq } of found) heads.set(userId, Math.max(seq, heads.get(userId) ?? 0));
      return heads;
    },
    unannounced: (now, limit) =>
      model
        .find({ sweepAt: { $lte: now } }, PUBLIC_FIELDS)
        .sort({ sweepAt: 1 })
        .limit(limit)
        .lean(),
    async markAnnounced(eventIds, now) {
      await model.updateMany({ _id: { $in: eventIds } }, { $set: { announcedAt: now }, $unset: { sweepAt: 1 } });
    },
    async deleteOf(userId) {
      await model.deleteMany({ userId });
    },
  };
}
