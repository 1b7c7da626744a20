import { addSeconds } from "../../core/clock";
import { TransientError } from "../../core/errors";
import { createQueue, type JobQueue, type QueueConnection, type QueueDefinition } from "../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../core/jobs/worker";
import type { Logger } from "../../core/logger";
import { type CloseSessionDeps, pollSession } from "./authorization/closeSession";
import { handOverOutcome } from "./outcomeWebhook";
import type { OAuthSessionStore } from "./store";

interface PollJob {
  sessionId: string;
}

/** The queue of sessions whose verifier is to be polled. */
export type OAuthQueue = JobQueue<PollJob>;

const QUEUE: QueueDefinition = { name: "oauth-sessions" };

/** Sessions taken up by one sweep. */
const SWEEP_LIMIT = 500;

/** Longer than it takes to hand a webhook over: what waits by then was left behind. */
const HAND_OVER_SECONDS = 2;

/** Creates the producing side of the queue. */
export function createOAuthQueue(jobs: QueueConnection): OAuthQueue {
  return createQueue<PollJob>({ ...jobs, ...QUEUE });
}

export interface OAuthWorkerDeps extends CloseSessionDeps {
  sessions: OAuthSessionStore;
  jobs: JobRuntime;
  queue: OAuthQueue;
  concurrency: number;
  sweepIntervalMs: number;
}

/** Starts the worker that polls verifiers that sent no notification, expires sessions, and hands over what was left. */
export function startOAuthWorker(deps: OAuthWorkerDeps): RunningWorker {
  return startWorker<PollJob>(deps.jobs, {
    queue: QUEUE,
    concurrency: deps.concurrency,
    process: ({ sessionId }, { logger }) => poll(deps, sessionId, logger),
    sweep: { everyMs: deps.sweepIntervalMs, run: () => sweep(deps) },
  });
}

async function poll(deps: OAuthWorkerDeps, sessionId: string, logger: Logger): Promise<void> {
  try {
    await pollSession(deps, { sessionId, logger });
  } catch (error) {
    // The verifier is out of reach: that is logged, and the next poll is scheduled.
    if (!(error instanceof TransientError)) throw error;
  }
}

async function sweep(deps: OAuthWorkerDeps): Promise<void> {
  const { sessions, queue, clock } = deps;
  const now = clock.now();
  for (const sessionId of await sessions.dueForPoll(now, SWEEP_LIMIT)) {
    await queue.enqueue(`poll-${sessionId}`, { sessionId });
  }
  for (const sessionId of await sessions.pendingDeliveries(addSeconds(now, -HAND_OVER_SECONDS), SWEEP_LIMIT)) {
    await handOverOutcome(deps, sessionId);
  }
}
