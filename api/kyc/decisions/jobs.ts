import type { Redis } from "ioredis";
import type { DeadLetterStore } from "../../../core/jobs/deadLetters";
import { type JobQueue, createQueue, processQueue, type QueueOptions } from "../../../core/jobs/queue";
import { startSweeper } from "../../../core/jobs/sweeper";
import { type DecisionParts, type KycDelivery, recheck, settleDelivery } from "./actions";

interface RecheckJob {
  userId: string;
}

/** The queue of verifications to look after. */
export type RecheckQueue = JobQueue<RecheckJob>;

const SWEEP_LIMIT = 500;

function queueOptions({ redis, prefix }: { redis: Redis; prefix: string }): QueueOptions {
  return { name: "kyc-recheck", redis, prefix };
}

/** Opens the producing side. */
export function openRecheckQueue(connection: { redis: Redis; prefix: string }): RecheckQueue {
  return createQueue<RecheckJob>(queueOptions(connection));
}

/** Reads the deliveries the inbox kept for KYC. */
export function kycDeliveryHandler(parts: DecisionParts) {
  return (entry: { facts: unknown }, { attempt }: { attempt: number }): Promise<string> =>
    // Written by hearDelivery and by nobody else.
    settleDelivery(parts, entry.facts as KycDelivery, attempt);
}

export interface RecheckWorkerParts extends DecisionParts {
  queue: RecheckQueue;
  redis: Redis;
  prefix: string;
  deadLetters: DeadLetterStore;
  concurrency: number;
  sweepEveryMs: number;
}

/** A running look-out. */
export interface RecheckWorker {
  close(deadlineMs: number): Promise<void>;
}

/** Looks after verifications whose time has come: silent ones, and those whose user was not told. */
export function startRecheckWorker(parts: RecheckWorkerParts): RecheckWorker {
  const { kyc, queue, clock, logger } = parts;
  const processor = processQueue<RecheckJob>({
    ...queueOptions(parts),
    ...{ concurrency: parts.concurrency, deadLetters: parts.deadLetters, clock, logger },
    process: ({ userId }) => recheck(parts, userId),
  });
  const sweeper = startSweeper({
    what: "silent verifications",
    everyMs: parts.sweepEveryMs,
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
