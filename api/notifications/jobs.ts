import { addSeconds } from "../../core/clock";
import { DomainError } from "../../core/errors";
import { createQueue, type JobQueue, type QueueDefinition } from "../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../core/jobs/worker";
import { sendNotification, type SendDeps } from "./actions";

interface MailJob {
  notificationId: string;
}

/** The queue of notifications to send. */
export type MailQueue = JobQueue<MailJob>;

/** How long a notification that could not be sent, try after try, rests before the next round. */
const REST_SECONDS = 15 * 60;

const SWEEP_LIMIT = 500;

const QUEUE: QueueDefinition = { name: "mail" };

/** Creates the producing side. */
export function createMailQueue(jobs: Pick<JobRuntime, "redis" | "prefix">): MailQueue {
  return createQueue<MailJob>({ ...jobs, ...QUEUE });
}

/** Queues the sending of a stored notification; its job id is the notification's, so that it waits once. */
export async function enqueueMail(queue: MailQueue, notificationId: string): Promise<void> {
  await queue.enqueue(notificationId, { notificationId });
}

export interface MailWorkerDeps extends SendDeps {
  jobs: JobRuntime;
  queue: MailQueue;
  concurrency: number;
  sweepIntervalMs: number;
}

/** Sends what is queued, and sweeps for stored notifications without a job. */
export function startMailWorker(deps: MailWorkerDeps): RunningWorker {
  const { notifications, clock } = deps;
  return startWorker<MailJob>(deps.jobs, {
    queue: QUEUE,
    concurrency: deps.concurrency,
    process: ({ notificationId }) => sendNotification(deps, notificationId),
    async onExhausted({ notificationId }, error) {
      if (error instanceof DomainError) return;
      await notifications.postpone(notificationId, addSeconds(clock.now(), REST_SECONDS));
    },
    sweep: {
      everyMs: deps.sweepIntervalMs,
      async run() {
        for (const id of await notifications.due(clock.now(), SWEEP_LIMIT)) await enqueueMail(deps.queue, id);
      },
    },
  });
}
