import type { Redis } from "ioredis";
import { sha256Hex } from "../../core/hash";
import type { Logger } from "../../core/logger";
import { signingBytes } from "../../core/signingBytes";
import { freshnessOf, MAX_AHEAD_MS } from "../envelope/freshness";
import { RESERVE } from "./script";

/**
 * How long a reservation outlives its request's timestamp, in milliseconds: a minute more than the request can pass as
 * fresh, for clocks of gateways and Redis that differ.
 */
const RETENTION_MS = 180_000;

/** What is reserved: a request whose signature and freshness were verified. */
export interface Reservation {
  deviceSessionId: string;
  requestId: string;
  messageType: string;
  payloadHash: Uint8Array;
  timestampMs: bigint;
}

/**
 * What became of a reservation:
 * - `accepted`: the request is new
 * - `retry`: the same was asked for under this id before, and this is signed later: an honest device asks again
 * - `replayed`: these very bytes passed already, or newer ones of the same request did
 * - `id_reused`: the id stands for something else that this session asked for
 * - `store_lost`: Redis is new or was emptied; requests signed after `retryAfterMs` pass again
 * - `unavailable`: Redis does not answer
 */
export type ReplayOutcome =
  | { kind: "accepted" | "retry" | "replayed" | "id_reused" | "unavailable" }
  | { kind: "store_lost"; retryAfterMs: number };

/** Lets the exact bytes of a request pass once, for all gateways together. */
export interface ReplayStore {
  /**
   * Reserves a request. What cannot be decided is refused: without its memory the store lets nothing pass.
   *
   * @param now the gateway's time, by which the request was found fresh
   * @throws RangeError when the request is not fresh: it could outlive its reservation
   */
  reserve(reservation: Reservation, now: Date): Promise<ReplayOutcome>;
}

/**
 * Makes the store in a Redis that several gateways may share.
 *
 * @param deps.prefix of its keys; they share a hash tag, so that one node of a Redis Cluster holds them with the epoch
 */
export function createReplayStore(deps: { redis: Redis; logger: Logger; prefix: string }): ReplayStore {
  const { redis, logger } = deps;
  const prefix = `${deps.prefix}:{replay}:`;
  return {
    async reserve(reservation, now) {
      const { deviceSessionId, requestId, timestampMs } = reservation;
      if (freshnessOf(timestampMs, now) !== "fresh") throw new RangeError("only a fresh request can be reserved");
      // A command would wait in the connection's queue until Redis is back.
      if (redis.status !== "ready") return { kind: "unavailable" };
      const keys = [`${prefix}epoch`, `${prefix}request:${deviceSessionId}:${requestId}`];
      const times = [timestampMs.toString(), now.getTime(), MAX_AHEAD_MS, RETENTION_MS];
      let answer;
      try {
        answer = await redis.eval(RESERVE, keys.length, ...keys, ...times, digestOf(reservation));
      } catch (error) {
        logger.warn({ err: error }, "a request could not be reserved: Redis did not execute the script");
        return { kind: "unavailable" };
      }
      return outcomeOf(answer as string[], now);
    },
  };
}

/** Names what a request asks for: a retry asks for the same. */
function digestOf({ messageType, payloadHash }: Reservation): string {
  return sha256Hex(signingBytes("cairn.gateway.replay.v1", [messageType, payloadHash]));
}

function outcomeOf([kind, epochMs]: string[], now: Date): ReplayOutcome {
  switch (kind) {
    case "accepted":
    case "retry":
    case "replayed":
    case "id_reused":
      return { kind };
    case "store_lost":
      return { kind, retryAfterMs: Number(epochMs) - now.getTime() + 1 };
    default:
      throw new RangeError(`the script answered ${String(kind)}`);
  }
}
