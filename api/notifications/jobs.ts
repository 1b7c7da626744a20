import type { Redis } from "ioredis";
import { addSeconds } from "../../core/clock";
import type { DeadLetterStore } from "../../core/jobs/deadLetters";
import { DomainError } from "../../core/errors";
import { type JobQueue, createQueue, processQueue, type QueueOptions } from "../../core/jobs/queue";
import { startSweeper } from "../../core/jobs/sweeper";
import { sendNotification, type SendDeps } from "./actions";

interface MailJob {
  notificationId: string;
}

/** The queue of notifications to send. */
export type MailQueue = JobQueue<MailJob>;

/** How long a notification that could not be sent, try after try, rests before the next round. */
const REST_SECONDS = 15 * 60;

const SWEEP_LIMIT = 500;

function queueOptions({ redis, prefix }: { redis: Redis; prefix: string }): QueueOptions {
  return { name: "mail", redis, prefix };
}

/** Creates the producing side. */
export function createMailQueue(connection: { redis: Redis; prefix: string }): MailQueue {
  return createQueue<MailJob>(queueOptions(connection));
}

/** Queues the sending of a stored notification; its job id is the notification's, so that it waits once. */
export async function enqueueMail(queue: MailQueue, notificationId: string): Promise<void> {
  await queue.enqueue(notificationId, { notificationId });
}

export interface MailWorkerDeps extends SendDeps {
  queue: MailQueue;
  redis: Redis;
  prefix: string;
  deadLetters: DeadLetterStore;
  concurrency: number;
  sweepEveryMs: number;
}

/** A running sender of mail. */
export interface MailWorker {
  close(deadlineMs: number): Promise<void>;
}

/** Sends what is queued, and sweeps for stored notifications without a job. */
export function startMailWorker(deps: MailWorkerDeps): MailWorker {
  const { notifications, clock, logger } = deps;
  const processor = processQueue<MailJob>({
    ...queueOptions(deps),
    concurrency: deps.concurrency,
    deadLetters: deps.deadLetters,
    clock,
    logger,
    process: ({ notificationId }) => sendNotification(deps, notificationId),
    async onExhausted({ notificationId }, error) {
      if (error instanceof DomainError) return;
      await notifications.postpone(notificationId, addSeconds(clock.now(), REST_SECONDS));
    },
  });
  const sweeper = startSweeper({
    what: "unsent notifications",
    everyMs: deps.sweepEveryMs,
    logger,
    async sweep() {
      for (const notificationId of await notifications.due(clock.now(), SWEEP_LIMIT)) {
        await enqueueMail(deps.queue, notificationId);
      }
    },
  });
  return {
    async close(deadlineMs) {
      await Promise.all([processor.close(deadlineMs), sweeper.close()]);
    },
  };
}
