import { createQueue, type JobQueue, type QueueConnection, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../../core/jobs/worker";
import { type DecisionDeps, type KycDelivery, recheck, applyDelivery } from "./actions";

interface RecheckJob {
  userId: string;
}

/** The queue of verifications to check. */
export type RecheckQueue = JobQueue<RecheckJob>;

const SWEEP_LIMIT = 500;

const QUEUE: QueueDefinition = { name: "kyc-recheck" };

/** Creates the producing side. */
export function createRecheckQueue(jobs: QueueConnection): RecheckQueue {
  return createQueue<RecheckJob>({ ...jobs, ...QUEUE });
}

/** Handles the deliveries that the inbox stored for KYC. */
export function kycDeliveryHandler(deps: DecisionDeps) {
  return (entry: { facts: unknown }, { attempt }: { attempt: number }): Promise<string> =>
    // Written by receiveWebhook and by nothing else.
    applyDelivery(deps, entry.facts as KycDelivery, attempt);
}

export interface RecheckWorkerDeps extends DecisionDeps {
  jobs: JobRuntime;
  queue: RecheckQueue;
  concurrency: number;
  sweepIntervalMs: number;
}

/** Checks verifications that are due: pending ones without a webhook, and those whose user was not notified. */
export function startRecheckWorker(deps: RecheckWorkerDeps): RunningWorker {
  const { kyc, queue, clock } = deps;
  return startWorker<RecheckJob>(deps.jobs, {
    queue: QUEUE,
    concurrency: deps.concurrency,
    process: ({ userId }) => recheck(deps, userId),
    sweep: {
      everyMs: deps.sweepIntervalMs,
      async run() {
        for (const userId of await kyc.dueForCheck(clock.now(), SWEEP_LIMIT)) {
          await queue.enqueue(`recheck-${userId}`, { userId });
        }
      },
    },
  });
}
