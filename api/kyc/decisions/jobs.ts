import type { Redis } from "ioredis";
import type { DeadLetterStore } from "../../../core/jobs/deadLetters";
import { type JobQueue, createQueue, processQueue, type QueueOptions } from "../../../core/jobs/queue";
import { startSweeper } from "../../../core/jobs/sweeper";
import { type DecisionDeps, type KycDelivery, recheck, applyDelivery } from "./actions";

interface RecheckJob {
  userId: string;
}

/** The queue of verifications to check. */
export type RecheckQueue = JobQueue<RecheckJob>;

const SWEEP_LIMIT = 500;

function queueOptions({ redis, prefix }: { redis: Redis; prefix: string }): QueueOptions {
  return { name: "kyc-recheck", redis, prefix };
}

/** Creates the producing side. */
export function createRecheckQueue(connection: { redis: Redis; prefix: string }): RecheckQueue {
  return createQueue<RecheckJob>(queueOptions(connection));
}

/** Handles the deliveries that the inbox stored for KYC. */
export function kycDeliveryHandler(deps: DecisionDeps) {
  return (entry: { facts: unknown }, { attempt }: { attempt: number }): Promise<string> =>
    // Written by receiveWebhook and by nothing else.
    applyDelivery(deps, entry.facts as KycDelivery, attempt);
}

export interface RecheckWorkerDeps extends DecisionDeps {
  queue: RecheckQueue;
  redis: Redis;
  prefix: string;
  deadLetters: DeadLetterStore;
  concurrency: number;
  sweepEveryMs: number;
}

/** A running worker of the queue. */
export interface RecheckWorker {
  close(deadlineMs: number): Promise<void>;
}

/** Checks verifications that are due: pending ones without a webhook, and those whose user was not notified. */
export function startRecheckWorker(deps: RecheckWorkerDeps): RecheckWorker {
  const { kyc, queue, clock, logger } = deps;
  const processor = processQueue<RecheckJob>({
    ...queueOptions(deps),
    concurrency: deps.concurrency,
    deadLetters: deps.deadLetters,
    clock,
    logger,
    process: ({ userId }) => recheck(deps, userId),
  });
  const sweeper = startSweeper({
    what: "verifications that are due for a check",
    everyMs: deps.sweepEveryMs,
    logger,
    async sweep() {
      for (const userId of await kyc.dueForCheck(clock.now(), SWEEP_LIMIT)) {
        await queue.enqueue(`recheck-${userId}`, { userId });
      }
    },
  });
  return {
    async close(deadlineMs) {
      await Promise.all([processor.close(deadlineMs), sweeper.close()]);
    },
  };
}
