import { addSeconds, type Clock } from "../../../core/clock";
import { DomainError, TransientError } from "../../../core/errors";
import { createQueue, type JobContext, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, startWorker } from "../../../core/jobs/worker";
import type { Timing } from "../../../process/context";
import { type InboxEntry, type InboxSource, REJECTED } from "./rules";
import type { InboxStore } from "./store";

interface InboxJob {
  entryId: string;
}

/** Processes a delivery and returns its outcome in a word. Safe to run twice. */
export type DeliveryHandler = (entry: InboxEntry, context: JobContext) => Promise<string>;

/** How long a delivery waits for further tries after all tries of its job failed. */
const REST_SECONDS = 15 * 60;

const SWEEP_LIMIT = 500;

export interface InboxWorkerDeps {
  inbox: InboxStore;
  clock: Clock;
  /** Who reads the deliveries, by source. */
  handlers(): Partial<Record<InboxSource, DeliveryHandler>>;
}

/**
 * The queue of a source's stored deliveries; the worker sweeps for those that no job finished: Redis may have lost them.
 */
export function createInboxJobs(
  runtime: JobRuntime & { timing: Pick<Timing, "sweepIntervalMs"> },
  source: InboxSource,
) {
  const definition: QueueDefinition = { name: `webhook-inbox-${source}` };
  const queue = createQueue<InboxJob>({ ...runtime, ...definition });
  /** Its job id is the entry's, so that it waits once. */
  const enqueue = (entryId: string, requestId?: string) => queue.enqueue(entryId, { entryId }, { requestId });
  const worker = (deps: InboxWorkerDeps) => ({
    name: definition.name,
    start: () =>
      startWorker<InboxJob>(runtime, {
        queue: definition,
        concurrency: 8,
        process: (job, context) => processEntry(deps, job, context),
        async onExhausted({ entryId }, error) {
          const now = deps.clock.now();
          if (error instanceof DomainError) await deps.inbox.finish(entryId, REJECTED, now);
          else await deps.inbox.postpone(entryId, addSeconds(now, REST_SECONDS));
        },
        sweep: {
          everyMs: runtime.timing.sweepIntervalMs,
          async run() {
            const due = await deps.inbox.due(source, deps.clock.now(), SWEEP_LIMIT);
            for (const entryId of due) await enqueue(entryId);
          },
        },
      }),
  });
  return { queue, enqueue, worker };
}

async function processEntry(
  { inbox, clock, handlers }: InboxWorkerDeps,
  { entryId }: InboxJob,
  context: JobContext,
): Promise<void> {
  const entry = await inbox.find(entryId);
  if (entry === null || (entry.finishedAt !== null && entry.outcome !== REJECTED)) return;
  const handle = handlers()[entry.source];
  if (handle === undefined) {
    throw new TransientError("webhook.no_handler", `This worker does not read deliveries of ${entry.source}.`);
  }
  const outcome = await handle(entry, context);
  await inbox.finish(entryId, outcome, clock.now());
  context.logger.info({ source: entry.source, outcome }, "webhook worked on");
}
