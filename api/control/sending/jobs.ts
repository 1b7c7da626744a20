import { createQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { sweepRelayed } from "../../../core/jobs/sweepRelayed";
import { startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import type { ControlOperation } from "../rules";
import { type FinalizeDeps, finalizeOperation, giveUpOperation, type SendDeps, sendOperation } from "./actions";

/** 60 tries take about an hour. */
const QUEUE: QueueDefinition = { name: "control", attempts: 60, maxDelayMs: 60_000 };

/** Operations that a worker has in hand at a time. */
const CONCURRENCY = 8;

type OperationJob = Pick<ControlOperation, "operationId" | "attempt">;

/** The queue of changes of control; the worker sends them, and sweeps for those that are mined or have no job. */
export function createControlJobs(context: Context) {
  const queue = createQueue<OperationJob>({ ...context, ...QUEUE });
  return {
    queue,
    /** Asks a worker to send an operation; asking twice is harmless. */
    enqueueOperation: ({ operationId, attempt }: OperationJob, requestId?: string) =>
      queue.enqueue(`control-${operationId}-${attempt}`, { operationId, attempt }, { requestId }),
    worker: (deps: Omit<SendDeps, "relayer"> & SweepDeps) => ({
      name: "control",
      start: ({ relayer }: Pick<SendDeps, "relayer">) =>
        startWorker<OperationJob>(context, {
          queue: QUEUE,
          concurrency: CONCURRENCY,
          process: ({ operationId }) => sendOperation({ ...deps, relayer }, operationId),
          onExhausted: (job, error) => giveUpOperation(deps, job, error),
          sweep: { everyMs: context.timing.pollIntervalMs, run: () => sweepOperations(deps) },
        }),
    }),
  };
}

type SweepDeps = FinalizeDeps & Pick<Context, "timing">;

/** Ends the mined operations that the index shows, and queues again those whose job is gone. */
function sweepOperations(deps: SweepDeps): Promise<void> {
  const { operations, clock, timing } = deps;
  const work = {
    waiting: operations.waiting,
    finalize: (operation: ControlOperation, overdue: boolean) => finalizeOperation(deps, { operation, overdue }),
    enqueue: (operation: ControlOperation) => deps.enqueueOperation(operation),
  };
  return sweepRelayed(work, timing, clock.now());
}
