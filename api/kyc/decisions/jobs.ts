import { createQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import { type DecisionDeps, type KycDelivery, recheck, applyDelivery } from "./actions";

interface RecheckJob {
  userId: string;
}

const SWEEP_LIMIT = 500;

const QUEUE: QueueDefinition = { name: "kyc-recheck" };

/** Handles the deliveries that the inbox stored for KYC. */
export function kycDeliveryHandler(deps: DecisionDeps) {
  return (entry: { facts: unknown }, { attempt }: { attempt: number }): Promise<string> =>
    // Written by receiveWebhook and by nothing else.
    applyDelivery(deps, entry.facts as KycDelivery, attempt);
}

/** The queue of verifications to check: pending ones without a webhook, and those whose user was not notified. */
export function createRecheckJobs(context: Context) {
  const queue = createQueue<RecheckJob>({ ...context, ...QUEUE });
  const worker = (deps: DecisionDeps) => ({
    name: "kycRecheck",
    start: () =>
      startWorker<RecheckJob>(context, {
        queue: QUEUE,
        concurrency: 4,
        process: ({ userId }) => recheck(deps, userId),
        sweep: {
          everyMs: context.timing.sweepIntervalMs,
          async run() {
            for (const userId of await deps.kyc.dueForCheck(deps.clock.now(), SWEEP_LIMIT)) {
              await queue.enqueue(`recheck-${userId}`, { userId });
            }
          },
        },
      }),
  });
  return { queue, worker };
}
