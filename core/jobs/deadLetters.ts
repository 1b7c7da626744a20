import { Schema } from "mongoose";
import { DomainError } from "../errors";
import type { Mongo } from "../mongo";

/** A job that was given up, stored until an operator retries or discards it. */
export interface DeadLetter {
  /** `<queue>/<jobId>` */
  _id: string;
  queue: string;
  jobId: string;
  data: unknown;
  requestId?: string | undefined;
  error: { name: string; code?: string | undefined; message: string };
  attempts: number;
  failedAt: Date;
}

const schema = new Schema<DeadLetter>(
  {
    _id: { type: String, required: true },
    queue: { type: String, required: true },
    jobId: { type: String, required: true },
    data: { type: Schema.Types.Mixed },
    requestId: String,
    error: { type: new Schema({ name: String, code: String, message: String }, { _id: false }), required: true },
    attempts: { type: Number, required: true },
    failedAt: { type: Date, required: true },
  },
  { collection: "dead_letters", versionKey: false },
);
schema.index({ queue: 1, failedAt: -1 });

/** The collection `dead_letters`. */
export interface DeadLetterStore {
  /** Stores a job that was given up; recording the same job again replaces the earlier record. */
  record(letter: Omit<DeadLetter, "_id" | "error"> & { error: Error }): Promise<void>;
  /** The newest first. */
  list(filter: { queue?: string; limit: number }): Promise<DeadLetter[]>;
  /** @throws DomainError `dead_letter.not_found` */
  get(id: string): Promise<DeadLetter>;
  /**
   * Deletes one, because it was queued again or is not wanted.
   * @throws DomainError `dead_letter.not_found`
   */
  discard(id: string): Promise<void>;
}

/** The store of jobs that were given up. */
export function createDeadLetterStore(mongo: Mongo): DeadLetterStore {
  const model = mongo.model<DeadLetter>("DeadLetter", schema);
  return {
    async record({ error, ...letter }) {
      const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
      const cause = { name: error.name, message: error.message, ...(code !== undefined && { code }) };
      const _id = `${letter.queue}/${letter.jobId}`;
      await model.replaceOne({ _id }, { ...letter, error: cause }, { upsert: true });
    },
    list: ({ queue, limit }) =>
      model
        .find(queue === undefined ? {} : { queue })
        .sort({ failedAt: -1 })
        .limit(limit)
        .lean(),
    async get(id) {
      const letter = await model.findById(id).lean();
      if (letter === null) throw notFound(id);
      return letter;
    },
    async discard(id) {
      const { deletedCount } = await model.deleteOne({ _id: id });
      if (deletedCount === 0) throw notFound(id);
    },
  };
}

function notFound(id: string): DomainError {
  return new DomainError("dead_letter.not_found", "not_found", `There is no dead letter ${id}; list them first.`);
}
