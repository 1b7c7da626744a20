import type { Redis } from "ioredis";
import type { DeadLetterStore } from "../../core/jobs/deadLetters";
import { TransientError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import { type JobQueue, createQueue, processQueue, type QueueOptions } from "../../core/jobs/queue";
import { startSweeper } from "../../core/jobs/sweeper";
import { type Notification, settleNotification, settleSession, type SettlingParts } from "./authorization/closeSession";
import { tellClient, type TellingParts } from "./telling";

interface SessionJob {
  kind: "check" | "tell";
  sessionId: string;
}

/** The queue of sessions to look after. */
export type OAuthQueue = JobQueue<SessionJob>;

const SWEEP_LIMIT = 500;

function queueOptions({ redis, prefix }: { redis: Redis; prefix: string }): QueueOptions {
  return { name: "oauth-sessions", redis, prefix };
}

/** Opens the producing side. */
export function openOAuthQueue(connection: { redis: Redis; prefix: string }): OAuthQueue {
  return createQueue<SessionJob>(queueOptions(connection));
}

/** Works on the deliveries that were kept for the gateway; gives what came of each, in a word. */
export function oauthDeliveryHandler(parts: SettlingParts) {
  return (entry: { facts: unknown }, context: { logger: Logger }): Promise<string> =>
    // Written by the notification endpoint and by nobody else.
    settleNotification(parts, entry.facts as Notification, context.logger);
}

export interface OAuthWorkerParts extends SettlingParts, TellingParts {
  queue: OAuthQueue;
  redis: Redis;
  prefix: string;
  deadLetters: DeadLetterStore;
  logger: Logger;
  concurrency: number;
  sweepEveryMs: number;
}

/** A running look-out. */
export interface OAuthWorker {
  close(deadlineMs: number): Promise<void>;
}

/** Looks after sessions whose time has come: silent ones, expired ones, and those whose client was not told. */
export function startOAuthWorker(parts: OAuthWorkerParts): OAuthWorker {
  const { sessions, queue, clock, logger } = parts;
  const processor = processQueue<SessionJob>({
    ...queueOptions(parts),
    ...{ concurrency: parts.concurrency, deadLetters: parts.deadLetters, clock, logger },
    async process({ kind, sessionId }, context) {
      if (kind === "tell") return tellClient(parts, sessionId, context.logger);
      try {
        await settleSession(parts, sessionId, context.logger);
      } catch (error) {
        // The verifier is out of reach: that is logged, and the next look planned.
        if (!(error instanceof TransientError)) throw error;
      }
    },
  });
  const sweeper = startSweeper({
    what: "the gateway's sessions",
    everyMs: parts.sweepEveryMs,
    logger,
    async sweep() {
      const now = clock.now();
      for (const sessionId of await sessions.dueForCheck(now, SWEEP_LIMIT)) {
        await queue.enqueue(`check-${sessionId}`, { kind: "check", sessionId });
      }
      for (const sessionId of await sessions.dueForTelling(now, SWEEP_LIMIT)) {
        await queue.enqueue(`tell-${sessionId}`, { kind: "tell", sessionId });
      }
    },
  });
  return {
    async close(deadlineMs) {
      await Promise.all([processor.close(deadlineMs), sweeper.close()]);
    },
  };
}
