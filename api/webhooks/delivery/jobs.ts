import { enqueueLater } from "../../../core/jobs/enqueueLater";
import { createQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, startWorker } from "../../../core/jobs/worker";
import type { Timing } from "../../../process/context";
import { attemptDelivery, type DeliveryDeps } from "./actions";

interface DeliveryJob {
  deliveryId: string;
}

/** Its own tries are for errors of ours; those of a receiver follow the delivery's plan. */
const QUEUE: QueueDefinition = { name: "webhook-deliveries", attempts: 5 };

/** Deliveries queued by one sweep. */
const SWEEP_LIMIT = 500;

/** The queue of attempts at deliveries; the worker makes them, and queues what is due and has no job. */
export function createDeliveryJobs(runtime: JobRuntime & { timing: Pick<Timing, "sweepIntervalMs"> }) {
  const queue = createQueue<DeliveryJob>({ ...runtime, ...QUEUE });
  const add = (deliveryId: string) => queue.enqueue(deliveryId, { deliveryId });
  const worker = (deps: Pick<DeliveryDeps, "deliveries" | "clock" | "secretOf" | "send">) => ({
    name: "webhookDelivery",
    start: () =>
      startWorker<DeliveryJob>(runtime, {
        queue: QUEUE,
        concurrency: 16,
        process: ({ deliveryId }, { logger }) => attemptDelivery(deps, deliveryId, logger),
        sweep: {
          everyMs: runtime.timing.sweepIntervalMs,
          async run() {
            for (const id of await deps.deliveries.due(deps.clock.now(), SWEEP_LIMIT)) await add(id);
          },
        },
      }),
  });
  return { queue, enqueue: (deliveryId: string) => enqueueLater(add(deliveryId), runtime.logger), worker };
}
