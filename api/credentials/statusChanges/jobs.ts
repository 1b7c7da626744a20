import { createQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { sweepRelayed } from "../../../core/jobs/sweepRelayed";
import { startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import { type ApplyChangeDeps, applyChange, failChange, finalizeChange } from "./actions";
import type { StatusChangeJob } from "./rules";

/** 60 tries take about an hour. */
const QUEUE: QueueDefinition = { name: "credential-status", attempts: 60, maxDelayMs: 60_000 };

/** Changes that a worker has in hand at a time. */
const CONCURRENCY = 8;

interface StatusChangeJobData {
  changeId: string;
}

/** The queue of changes of status; the worker carries them out, and sweeps for those that are mined or have no job. */
export function createStatusChangeJobs(context: Context) {
  const queue = createQueue<StatusChangeJobData>({ ...context, ...QUEUE });
  return {
    queue,
    /** Asks a worker to carry out a change of status; asking twice is harmless. */
    enqueueChange: (changeId: string, requestId?: string) =>
      queue.enqueue(`status-${changeId}`, { changeId }, { requestId }),
    worker: (deps: SweepDeps & Pick<ApplyChangeDeps, "sendAsIssuer" | "isWritePending">) => ({
      name: "statusChanges",
      start: ({ relayer }: Pick<ApplyChangeDeps, "relayer">) =>
        startWorker<StatusChangeJobData>(context, {
          queue: QUEUE,
          concurrency: CONCURRENCY,
          process: ({ changeId }) => applyChange({ ...deps, relayer }, changeId),
          onExhausted: ({ changeId }, error) => failChange(deps, { changeId, error }),
          sweep: { everyMs: context.timing.pollIntervalMs, run: () => sweepChanges(deps) },
        }),
    }),
  };
}

type SweepDeps = Omit<ApplyChangeDeps, "relayer" | "sendAsIssuer" | "isWritePending"> & Pick<Context, "timing">;

/** Finalizes the mined changes that the index shows, and queues again the changes whose job is gone. */
function sweepChanges(deps: SweepDeps): Promise<void> {
  const { changes, clock, timing } = deps;
  const work = {
    waiting: changes.waiting,
    finalize: (job: StatusChangeJob, overdue: boolean) => finalizeChange(deps, { job, overdue }),
    enqueue: ({ changeId }: StatusChangeJob) => deps.enqueueChange(changeId),
  };
  return sweepRelayed(work, timing, clock.now());
}
