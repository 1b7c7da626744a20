import { enqueueLater } from "../../../core/jobs/enqueueLater";
import { createQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import { type AccountDeps, continueErasure } from "./actions";

interface ErasureJob {
  userId: string;
}

const SWEEP_LIMIT = 500;

const QUEUE: QueueDefinition = { name: "account-erasure" };

/** The queue of accounts to erase; the worker also queues those that are due and have no job. */
export function createErasureJobs(context: Context) {
  const queue = createQueue<ErasureJob>({ ...context, ...QUEUE });
  const add = (userId: string) => queue.enqueue(`erase-${userId}`, { userId });
  const worker = (deps: AccountDeps) => ({
    name: "accountErasure",
    start: () =>
      startWorker<ErasureJob>(context, {
        queue: QUEUE,
        concurrency: 2,
        process: ({ userId }) => continueErasure(deps, userId),
        sweep: {
          everyMs: context.timing.sweepIntervalMs,
          async run() {
            for (const userId of await deps.users.dueErasures(deps.clock.now(), SWEEP_LIMIT)) await add(userId);
          },
        },
      }),
  });
  return { queue, enqueueErasure: (userId: string) => enqueueLater(add(userId), context.logger), worker };
}
