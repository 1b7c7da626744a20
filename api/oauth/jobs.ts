import type { Redis } from "ioredis";
import type { Clock } from "../../core/clock";
import { assertNever, TransientError } from "../../core/errors";
import type { DeadLetterStore } from "../../core/jobs/deadLetters";
import { createQueue, type JobQueue, processQueue, type QueueOptions } from "../../core/jobs/queue";
import { startSweeper } from "../../core/jobs/sweeper";
import type { Logger } from "../../core/logger";
import { type CloseSessionDeps, pollSession } from "./authorization/closeSession";
import type { OAuthSessionStore } from "./store";
import { tellClient, type TellingParts } from "./telling";

interface SessionJob {
  kind: "poll" | "tell";
  sessionId: string;
}

/** The queue of sessions that are due. */
export type OAuthQueue = JobQueue<SessionJob>;

const SWEEP_LIMIT = 500;

function queueOptions({ redis, prefix }: { redis: Redis; prefix: string }): QueueOptions {
  return { name: "oauth-sessions", redis, prefix };
}

/** The producing side of the queue. */
export function createOAuthQueue(connection: { redis: Redis; prefix: string }): OAuthQueue {
  return createQueue<SessionJob>(queueOptions(connection));
}

export interface OAuthWorkerDeps extends CloseSessionDeps, Omit<TellingParts, "sessions"> {
  sessions: OAuthSessionStore;
  queue: OAuthQueue;
  redis: Redis;
  prefix: string;
  deadLetters: DeadLetterStore;
  clock: Clock;
  logger: Logger;
  concurrency: number;
  sweepIntervalMs: number;
}

/** Polls verifiers that sent no notification, expires sessions, and tells clients of outcomes. */
export function startOAuthWorker(deps: OAuthWorkerDeps): { close(deadlineMs: number): Promise<void> } {
  const processor = processQueue<SessionJob>({
    ...queueOptions(deps),
    concurrency: deps.concurrency,
    deadLetters: deps.deadLetters,
    clock: deps.clock,
    logger: deps.logger,
    process: (job, { logger }) => processSession(deps, job, logger),
  });
  const sweeper = startSweeper({
    what: "the OAuth sessions",
    everyMs: deps.sweepIntervalMs,
    logger: deps.logger,
    sweep: () => enqueueDue(deps),
  });
  return {
    async close(deadlineMs) {
      await Promise.all([processor.close(deadlineMs), sweeper.close()]);
    },
  };
}

async function processSession(deps: OAuthWorkerDeps, { kind, sessionId }: SessionJob, logger: Logger): Promise<void> {
  switch (kind) {
    case "tell":
      return tellClient(deps, sessionId, logger);
    case "poll":
      try {
        await pollSession(deps, { sessionId, logger });
      } catch (error) {
        // The verifier is out of reach: that is logged, and the next poll is scheduled.
        if (!(error instanceof TransientError)) throw error;
      }
      return;
    default:
      return assertNever(kind);
  }
}

async function enqueueDue({ sessions, queue, clock }: OAuthWorkerDeps): Promise<void> {
  const now = clock.now();
  for (const sessionId of await sessions.dueForPoll(now, SWEEP_LIMIT)) {
    await queue.enqueue(`poll-${sessionId}`, { kind: "poll", sessionId });
  }
  for (const sessionId of await sessions.dueForTelling(now, SWEEP_LIMIT)) {
    await queue.enqueue(`tell-${sessionId}`, { kind: "tell", sessionId });
  }
}
