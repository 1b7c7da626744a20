import type { Redis } from "ioredis";
import { addSeconds } from "../../core/clock";
import type { DeadLetterStore } from "../../core/jobs/deadLetters";
import { DomainError } from "../../core/errors";
import { type JobQueue, createQueue, processQueue, type QueueOptions } from "../../core/jobs/queue";
import { startSweeper } from "../../core/jobs/sweeper";
import { sendNotification, type SendingParts } from "./actions";

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

/** Opens the producing side. */
export function openMailQueue(connection: { redis: Redis; prefix: string }): MailQueue {
  return createQueue<MailJob>(queueOptions(connection));
}

/** Queues the sending of a kept notification; its job is named after it, so that it waits once. */
export async function enqueueMail(queue: MailQueue, notificationId: string): Promise<void> {
  await queue.enqueue(notificationId, { notificationId });
}

export interface MailWorkerParts extends SendingParts {
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

/** Sends what is queued, and sweeps up what was kept and has no job. */
export function startMailWorker(parts: MailWorkerParts): MailWorker {
  const { notifications, clock, logger } = parts;
  const processor = processQueue<MailJob>({
    ...queueOptions(parts),
    ...{ concurrency: parts.concurrency, deadLetters: parts.deadLetters, clock, logger },
    process: ({ notificationId }) => sendNotification(parts, notificationId),
    async onExhausted({ notificationId }, error) {
      if (error instanceof DomainError) return;
      await notifications.postpone(notificationId, addSeconds(clock.now(), REST_SECONDS));
    },
  });
  const sweeper = startSweeper({
    what: "unsent notifications",
    everyMs: parts.sweepEveryMs,
    logger,
    async sweep() {
      for (const notificationId of await notifications.due(clock.now(), SWEEP_LIMIT)) {
        await enqueueMail(parts.queue, notificationId);
      }
    },
  });
  return {
    async close(deadlineMs) {
      await Promise.all([processor.close(deadlineMs), sweeper.close()]);
    },
  };
}
