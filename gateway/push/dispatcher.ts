import type { Redis } from "ioredis";
import { sleep } from "../../core/clock";
import type { Logger } from "../../core/logger";
import { compareEntryIds, parseEntry, type StreamEntry } from "./streamEntry";
import type { UserEvent } from "./userEvent";

export interface DispatcherDeps {
  /** A connection of its own: reading blocks it. */
  redis: Redis;
  /** The stream to which the API adds every event. */
  streamKey: string;
  logger: Logger;
  /** Takes each event; at least once, in the order of the stream. */
  onEvent(event: UserEvent): void;
  /**
   * The connection was made, or made again: what was added meanwhile may be lost with the Redis that had it, or trimmed.
   */
  onConnect(): void;
}

/** Reads the events of all users while the process runs. */
export interface Dispatcher {
  /** Whether the stream is being read now. */
  isReading(): boolean;
  close(): Promise<void>;
}

/** How long Redis may wait for an entry, and how much longer its answer may take before the connection counts as dead. */
const BLOCK_MS = 2_000;
const ANSWER_GRACE_MS = 5_000;
const ENTRIES_A_READ = 500;
const RETRY_MS = 500;
const BEGINNING = "0-0";

/**
 * Starts reading the stream from its end. Every gateway reads all of it by itself; a connection that breaks is made
 * again, and reading goes on after the last entry read, or from the beginning where the stream is another one.
 */
export function startDispatcher({ redis, streamKey, logger, onEvent, onConnect }: DispatcherDeps): Dispatcher {
  const stop = new AbortController();
  const isStopped = () => stop.signal.aborted;
  let position: string | undefined;
  let isReading = false;
  let isReconnected = true;

  const connected = () => {
    isReconnected = true;
    onConnect();
  };
  const disconnected = () => void (isReading = false);
  redis.on("ready", connected).on("close", disconnected);
  if (redis.status === "ready") onConnect();

  /** Where to go on: entries that an emptied Redis got since then have ids that may be lower than those read before. */
  async function findPosition(): Promise<string> {
    const [newest] = await redis.xrevrange(streamKey, "+", "-", "COUNT", 1);
    const newestId = newest?.[0] ?? BEGINNING;
    if (position === undefined) return newestId;
    return compareEntryIds(newestId, position) < 0 ? BEGINNING : position;
  }

  function take(entry: StreamEntry): void {
    try {
      onEvent(parseEntry(entry));
    } catch (error) {
      // Its user's streams find out by the next event, or by the check of sessions, that they miss one.
      logger.error({ err: error, entry: entry[0] }, "an entry of the events stream was passed over");
    }
  }

  async function read(): Promise<void> {
    if (isReconnected) {
      isReconnected = false;
      position = await findPosition();
      isReading = true;
    }
    const from = position ?? BEGINNING;
    const found = await withRevival(
      redis,
      redis.xread("COUNT", ENTRIES_A_READ, "BLOCK", BLOCK_MS, "STREAMS", streamKey, from),
    );
    for (const entry of found?.[0]?.[1] ?? []) {
      take(entry);
      position = entry[0];
    }
  }

  async function run(): Promise<void> {
    while (!isStopped()) {
      try {
        await read();
      } catch (error) {
        if (isStopped()) return;
        isReading = false;
        isReconnected = true;
        logger.warn({ err: error }, "the events stream could not be read; trying again");
        await sleep(RETRY_MS, stop.signal);
      }
    }
  }

  const running = run();
  return {
    isReading: () => isReading,
    async close() {
      stop.abort();
      redis.off("ready", connected).off("close", disconnected);
      redis.disconnect();
      await running;
    },
  };
}

/** Waits for an answer; a connection that is silent for too long is made anew, and the command sent again on it. */
async function withRevival<T>(redis: Redis, answer: Promise<T>): Promise<T> {
  const timer = setInterval(() => {
    if (redis.status === "ready") redis.disconnect(true);
  }, BLOCK_MS + ANSWER_GRACE_MS);
  try {
    return await answer;
  } finally {
    clearInterval(timer);
  }
}
