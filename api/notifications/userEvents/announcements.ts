import type { Redis } from "ioredis";
import { TransientError } from "../../../core/errors";
import type { UserEvent } from "./rules";

/** About this many announcements stay in the stream; gateways that read later find the events in the database. */
const MAX_LENGTH = 100_000;

/** Tells every gateway of events. */
export interface Announcer {
  /**
   * Adds events to the stream that all gateways read.
   *
   * @throws TransientError while Redis does not answer: nothing waits for it
   */
  announce(events: UserEvent[]): Promise<void>;
}

/** Creates the announcer: entries of the Redis stream `<prefix>:events`. */
export function createAnnouncer(deps: { redis: Redis; config: { redis: { prefix: string } } }): Announcer {
  const { redis, config } = deps;
  const stream = `${config.redis.prefix}:events`;
  return {
    async announce(events) {
      if (redis.status !== "ready") throw new TransientError("redis.unavailable", "Redis does not answer.");
      await Promise.all(
        events.map((event) =>
          redis.xadd(stream, "MAXLEN", "~", MAX_LENGTH, "*", ...Object.entries(entryOf(event)).flat()),
        ),
      );
    },
  };
}

function entryOf({ _id, userId, seq, type, at, payload }: UserEvent): Record<string, string> {
  return {
    userId,
    seq: String(seq),
    id: _id,
    type,
    at: String(at.getTime()),
    payload: JSON.stringify(payload),
  };
}
