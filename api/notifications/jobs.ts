import { addSeconds } from "../../core/clock";
import { DomainError } from "../../core/errors";
import { createQueue, type QueueDefinition } from "../../core/jobs/queue";
import { type JobRuntime, startWorker } from "../../core/jobs/worker";
import type { Timing } from "../../process/context";
import { sendNotification, type SendDeps } from "./actions";

interface MailJob {
  notificationId: string;
}

/** How long a notification waits for further tries after all tries of its job failed. */
const REST_SECONDS = 15 * 60;

const SWEEP_LIMIT = 500;

const QUEUE: QueueDefinition = { name: "mail" };

/** The queue of notifications to send; the worker sends them, and sweeps for stored ones without a job. */
export function createMailJobs(runtime: JobRuntime & { timing: Pick<Timing, "sweepIntervalMs"> }) {
  const { clock, timing } = runtime;
  const queue = createQueue<MailJob>({ ...runtime, ...QUEUE });
  /** Its job id is the notification's, so that it waits once. */
  const enqueue = (notificationId: string) => queue.enqueue(notificationId, { notificationId });
  const worker = (deps: SendDeps) => ({
    name: "mail",
    start: () =>
      startWorker<MailJob>(runtime, {
        queue: QUEUE,
        concurrency: 4,
        process: ({ notificationId }) => sendNotification(deps, notificationId),
        async onExhausted({ notificationId }, error) {
          if (error instanceof DomainError) return;
          await deps.notifications.postpone(notificationId, addSeconds(clock.now(), REST_SECONDS));
        },
        sweep: {
          everyMs: timing.sweepIntervalMs,
          async run() {
            for (const id of await deps.notifications.due(clock.now(), SWEEP_LIMIT)) await enqueue(id);
          },
        },
      }),
  });
  return { queue, enqueue, worker };
}
