import { type Clock, sleep } from "../../core/clock";
import { assertNever } from "../../core/errors";
import type { Logger } from "../../core/logger";
import { gap, heartbeat, type OutgoingEvent, outgoing, serverTime } from "./outgoing";
import type { Ending, Subscription } from "./subscription";
import type { UserEvent } from "./userEvent";

/** Events as the API has them stored. */
export interface StoredEvents {
  /** In order, without gaps from the one after the cursor, or from `oldest`. */
  events: UserEvent[];
  /** The first event that is still stored; absent where none after the cursor was deleted. */
  oldest?: bigint | undefined;
}

export interface PushStreamDeps {
  clock: Clock;
  logger: Logger;
  readEvents(userId: string, after: bigint, limit: number): Promise<StoredEvents>;
  /** Gives events that were read to the streams of their user. */
  publish(event: UserEvent): void;
  settings: StreamSettings;
}

export interface StreamSettings {
  /** How long a stream is silent at most. */
  heartbeatMs: number;
  /** The most events that a reader is sent later than they happened; where it missed more, it is told of a gap. */
  maxCatchUp: number;
  /** Events read at once. */
  pageSize: number;
}

/** How long a stream waits after its n-th failure in a row to read events, in milliseconds. */
const RETRY_DELAYS_MS = [250, 500, 1_000, 2_000, 5_000] as const;
const MAX_RETRY_DELAY_MS = 5_000;

/**
 * Sends a started subscription's events: the server's time, what its reader missed, then what happens. What was not
 * published is read from the API, so the reader gets every event once and in order; while the API does not answer,
 * later events wait.
 *
 * @param after the cursor that the subscription was started with
 * @returns why the stream ended
 */
export async function* streamEvents(
  deps: PushStreamDeps,
  subscription: Subscription,
  after: bigint,
): AsyncGenerator<OutgoingEvent, Ending> {
  const { clock, settings } = deps;
  const pause = createPause(subscription);
  let failures = 0;
  let silentMs = 0;
  yield serverTime(clock.now(), after);
  for (;;) {
    const next = await subscription.next(settings.heartbeatMs);
    switch (next.kind) {
      case "event":
        yield outgoing(next.event);
        silentMs = 0;
        break;
      case "idle":
        yield heartbeat(clock.now());
        break;
      case "ended":
        return next.ending;
      case "behind": {
        const outcome = await readMissed(deps, subscription, next);
        if (outcome === "read") failures = 0;
        else if (outcome === "failed") {
          silentMs += await pause(RETRY_DELAYS_MS[failures++] ?? MAX_RETRY_DELAY_MS);
          if (silentMs >= settings.heartbeatMs) yield heartbeat(clock.now());
          silentMs %= settings.heartbeatMs;
        } else {
          subscription.skipTo(outcome);
          yield gap(clock.now(), { from: next.after + 1n, to: outcome });
        }
        break;
      }
      default:
        return assertNever(next);
    }
  }
}

/**
 * Reads what a reader missed.
 *
 * @returns the last event that it will not be sent, where some are too many or deleted
 */
async function readMissed(
  { readEvents, publish, logger, settings }: PushStreamDeps,
  { userId }: Subscription,
  { after, head }: { after: bigint; head: bigint },
): Promise<"read" | "failed" | bigint> {
  if (head - after > BigInt(settings.maxCatchUp)) return head;
  try {
    const { events, oldest } = await readEvents(userId, after, settings.pageSize);
    if (oldest !== undefined && oldest > after + 1n) return oldest - 1n;
    if (events[0]?.seq === after + 1n) {
      for (const event of events) publish(event);
      return "read";
    }
    logger.warn(
      { userId, after: String(after), head: String(head) },
      "the API does not give the events that were announced",
    );
  } catch (error) {
    logger.warn({ err: error, userId }, "missed events could not be read; trying again");
  }
  return "failed";
}

/** Waits so long, or until the subscription ends. */
function createPause(subscription: Subscription): (ms: number) => Promise<number> {
  let ended: AbortController | undefined;
  return async (ms) => {
    if (ended === undefined) {
      const controller = new AbortController();
      ended = controller;
      subscription.onEnd(() => controller.abort());
    }
    await sleep(ms, ended.signal);
    return ms;
  };
}
