import { addSeconds } from "../../../core/clock";
import { createQueue, type JobQueue, type QueueConnection, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import { type ApplyChangeDeps, applyChange, failChange, finalizeChange } from "./actions";

/** 60 tries take about an hour. */
const QUEUE: QueueDefinition = { name: "credential-status", attempts: 60, maxDelayMs: 60_000 };

/** Changes read of each state in one sweep. */
const SWEEP_LIMIT = 500;

/** A job to carry out a change of status. */
export interface StatusChangeJobData {
  changeId: string;
}

export type StatusChangeQueue = JobQueue<StatusChangeJobData>;

/** Creates the producing side of the queue. */
export function createStatusChangeQueue(jobs: QueueConnection): StatusChangeQueue {
  return createQueue<StatusChangeJobData>({ ...jobs, ...QUEUE });
}

/** Asks a worker to carry out a change of status; asking twice is harmless. */
export async function enqueueChange(queue: StatusChangeQueue, changeId: string, requestId?: string): Promise<void> {
  await queue.enqueue(`status-${changeId}`, { changeId }, { requestId });
}

export interface StatusChangeWorkerDeps extends ApplyChangeDeps, Pick<Context, "config" | "timing"> {
  jobs: JobRuntime;
}

/** Starts the worker that carries out changes of status. */
export function startStatusChangeWorker(deps: StatusChangeWorkerDeps): RunningWorker {
  return startWorker<StatusChangeJobData>(deps.jobs, {
    queue: QUEUE,
    concurrency: deps.config.anchoring?.concurrency ?? 1,
    process: ({ changeId }) => applyChange(deps, changeId),
    onExhausted: ({ changeId }, error) => failChange(deps, { changeId, error }),
    sweep: { everyMs: deps.timing.pollIntervalMs, run: () => sweepChanges(deps) },
  });
}

/** Finalizes the mined changes that the index shows, and queues again the changes whose job is gone. */
export async function sweepChanges(deps: Omit<StatusChangeWorkerDeps, "jobs" | "config">): Promise<void> {
  const { changes, clock } = deps;
  const now = clock.now();
  for (const job of await changes.waiting("mined", addSeconds(now, 1), SWEEP_LIMIT)) {
    const overdue = job.updatedAt < addSeconds(now, -deps.timing.unseenSeconds);
    await finalizeChange(deps, { job, overdue });
  }
  const before = addSeconds(now, -deps.timing.sweepAfterSeconds);
  for (const state of ["queued", "submitted"] as const) {
    for (const { changeId } of await changes.waiting(state, before, SWEEP_LIMIT)) await deps.enqueueChange(changeId);
  }
}
