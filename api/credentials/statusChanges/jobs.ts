import type { Redis } from "ioredis";
import { addSeconds } from "../../../core/clock";
import type { DeadLetterStore } from "../../../core/jobs/deadLetters";
import type { Logger } from "../../../core/logger";
import { type JobQueue, createQueue, processQueue } from "../../../core/jobs/queue";
import { startSweeper } from "../../../core/jobs/sweeper";
import { type ApplyChangeParts, applyChange, failChange, settleChange } from "./actions";

const QUEUE = "credential-status";

/** About an hour with the longest pause below. */
const ATTEMPTS = 60;
const MAX_DELAY_MS = 60_000;

/** Changes looked at in one sweep. */
const SWEEP_LIMIT = 500;

/** A job to carry out a change of status. */
export interface StatusJob {
  changeId: string;
}

/** Opens the producing side of the queue. */
export function openStatusQueue(options: { redis: Redis; prefix: string }): JobQueue<StatusJob> {
  return createQueue<StatusJob>({ ...options, name: QUEUE, attempts: ATTEMPTS, maxDelayMs: MAX_DELAY_MS });
}

/** Asks a worker to carry out a change of status; asking twice is harmless. */
export async function enqueueChange(queue: JobQueue<StatusJob>, changeId: string, requestId?: string): Promise<void> {
  await queue.enqueue(`status-${changeId}`, { changeId }, requestId === undefined ? {} : { requestId });
}

/** What a sweep moved on. */
export interface StatusSweepReport {
  requeued: number;
  final: number;
}

/** A running worker of the queue. */
export interface StatusWorker {
  /** One look for what was left behind, and for what the index shows by now. */
  sweep(): Promise<StatusSweepReport>;
  close(deadlineMs: number): Promise<void>;
}

/** Works on the queue, and looks after what has no job, so that Redis may lose everything. */
export function startStatusWorker(
  options: ApplyChangeParts & {
    redis: Redis;
    prefix: string;
    concurrency: number;
    deadLetters: DeadLetterStore;
    logger: Logger;
    /** How often to ask the index about changes that are in a block. */
    pollMs: number;
    /** How long a change must have waited before a sweep takes its job for lost. */
    sweepSeconds: number;
    /** How long the index may take to show a change before the chain is asked whether it is still there. */
    unseenSeconds: number;
  },
): StatusWorker {
  const { changes, clock, logger } = options;
  const processor = processQueue<StatusJob>({
    ...{ name: QUEUE, redis: options.redis, prefix: options.prefix, attempts: ATTEMPTS, maxDelayMs: MAX_DELAY_MS },
    ...{ concurrency: options.concurrency, deadLetters: options.deadLetters, clock, logger },
    process: ({ changeId }) => applyChange(options, changeId),
    onExhausted: ({ changeId }, error) => failChange(options, changeId, error),
  });

  async function sweep(): Promise<StatusSweepReport> {
    const now = clock.now();
    const report = { requeued: 0, final: 0 };
    for (const job of await changes.waiting("mined", addSeconds(now, 1), SWEEP_LIMIT)) {
      const unseen = job.updatedAt < addSeconds(now, -options.unseenSeconds);
      const outcome = await settleChange(options, job, unseen);
      if (outcome === "final") report.final += 1;
      if (outcome === "requeued") report.requeued += 1;
    }
    const forgotten = addSeconds(now, -options.sweepSeconds);
    for (const state of ["queued", "submitted"] as const) {
      for (const { changeId } of await changes.waiting(state, forgotten, SWEEP_LIMIT)) {
        await options.enqueueChange(changeId);
        report.requeued += 1;
      }
    }
    return report;
  }

  const sweeper = startSweeper({
    what: "changes of status",
    everyMs: options.pollMs,
    logger,
    async sweep() {
      await sweep();
    },
  });

  return {
    sweep,
    async close(deadlineMs) {
      await Promise.all([sweeper.close(), processor.close(deadlineMs)]);
    },
  };
}
