import { addSeconds } from "../../core/clock";
import { TransientError } from "../../core/errors";
import { createQueue, type JobQueue, type QueueDefinition } from "../../core/jobs/queue";
import { type JobRuntime, startWorker } from "../../core/jobs/worker";
import type { Logger } from "../../core/logger";
import type { Context } from "../../process/context";
import { type CloseSessionDeps, pollSession } from "./authorization/closeSession";
import { applyNotification, type ApplyNotificationDeps } from "./notifications/actions";
import type { NotificationFacts } from "./notifications/rules";
import { handOverOutcome } from "./outcomeWebhook";
import type { OAuthSessionStore } from "./store";

interface PollJob {
  sessionId: string;
}

const QUEUE: QueueDefinition = { name: "oauth-sessions" };

/** Sessions taken up by one sweep. */
const SWEEP_LIMIT = 500;

/** Longer than it takes to hand a webhook over: what waits by then was left behind. */
const HAND_OVER_SECONDS = 2;

export interface OAuthWorkerDeps extends CloseSessionDeps {
  sessions: OAuthSessionStore;
}

/**
 * The queue of sessions whose verifier is to be polled, as it sent no notification; the worker also expires sessions and
 * hands over webhooks that were left.
 */
export function createOAuthJobs(context: JobRuntime & Pick<Context, "timing">) {
  const queue = createQueue<PollJob>({ ...context, ...QUEUE });
  const worker = (deps: OAuthWorkerDeps) => ({
    name: "oauth",
    start: () =>
      startWorker<PollJob>(context, {
        queue: QUEUE,
        concurrency: 8,
        process: ({ sessionId }, { logger }) => poll(deps, sessionId, logger),
        sweep: { everyMs: context.timing.sweepIntervalMs, run: () => sweep(deps, queue) },
      }),
  });
  return { queue, worker };
}

/** Applies the notifications that the inbox stored. */
export function notificationHandler(deps: ApplyNotificationDeps) {
  return ({ facts }: { facts: unknown }, { logger }: { logger: Logger }): Promise<string> =>
    // Written by receiveNotification and by nothing else.
    applyNotification(deps, { facts: facts as NotificationFacts, logger });
}

async function poll(deps: OAuthWorkerDeps, sessionId: string, logger: Logger): Promise<void> {
  try {
    await pollSession(deps, { sessionId, logger });
  } catch (error) {
    // The verifier is out of reach: that is logged, and the next poll is scheduled.
    if (!(error instanceof TransientError)) throw error;
  }
}

async function sweep(deps: OAuthWorkerDeps, queue: JobQueue<PollJob>): Promise<void> {
  const { sessions, clock } = deps;
  const now = clock.now();
  for (const sessionId of await sessions.dueForPoll(now, SWEEP_LIMIT)) {
    await queue.enqueue(`poll-${sessionId}`, { sessionId });
  }
  for (const sessionId of await sessions.pendingDeliveries(addSeconds(now, -HAND_OVER_SECONDS), SWEEP_LIMIT)) {
    await handOverOutcome(deps, sessionId);
  }
}
