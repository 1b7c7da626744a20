import { createQueue, type JobQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../../core/jobs/worker";
import { attemptDelivery, type DeliveryDeps } from "./actions";

interface DeliveryJob {
  deliveryId: string;
}

/** The queue of attempts. */
export type DeliveryQueue = JobQueue<DeliveryJob>;

/** Its own tries are for errors of ours; those of a receiver follow the delivery's plan. */
const QUEUE: QueueDefinition = { name: "webhook-deliveries", attempts: 5 };

/** Deliveries queued by one sweep. */
const SWEEP_LIMIT = 500;

/** Creates the producing side of the queue. */
export function createDeliveryQueue(jobs: Pick<JobRuntime, "redis" | "prefix">): DeliveryQueue {
  return createQueue<DeliveryJob>({ ...jobs, ...QUEUE });
}

/** Queues an attempt, unless one waits already. */
export function enqueueDelivery(queue: DeliveryQueue, deliveryId: string): Promise<void> {
  return queue.enqueue(deliveryId, { deliveryId });
}

/** Starts the worker that attempts deliveries, and queues what is due and has no job. */
export function startDeliveryWorker(
  deps: Pick<DeliveryDeps, "deliveries" | "clock" | "secretOf" | "send"> & {
    jobs: JobRuntime;
    queue: DeliveryQueue;
    concurrency: number;
    sweepIntervalMs: number;
  },
): RunningWorker {
  const { jobs, queue, deliveries, clock } = deps;
  return startWorker<DeliveryJob>(jobs, {
    queue: QUEUE,
    concurrency: deps.concurrency,
    process: ({ deliveryId }, { logger }) => attemptDelivery(deps, deliveryId, logger),
    sweep: {
      everyMs: deps.sweepIntervalMs,
      async run() {
        for (const id of await deliveries.due(clock.now(), SWEEP_LIMIT)) await enqueueDelivery(queue, id);
      },
    },
  });
}
