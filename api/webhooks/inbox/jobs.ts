import { addSeconds } from "../../../core/clock";
import { DomainError, TransientError } from "../../../core/errors";
import { createQueue, type JobContext, type JobQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../../core/jobs/worker";
import { type InboxEntry, REJECTED } from "./rules";
import type { InboxStore } from "./store";

interface InboxJob {
  entryId: string;
}

/** The queue of stored deliveries. */
export type InboxQueue = JobQueue<InboxJob>;

/** Processes a delivery and returns its outcome in a word. Safe to run twice. */
export type DeliveryHandler = (entry: InboxEntry, context: JobContext) => Promise<string>;

/** How long a delivery that could not be worked on, try after try, rests before the next round. */
const REST_SECONDS = 15 * 60;

const SWEEP_LIMIT = 500;

const QUEUE: QueueDefinition = { name: "webhook-inbox" };

/** Creates the producing side. */
export function createInboxQueue(jobs: Pick<JobRuntime, "redis" | "prefix">): InboxQueue {
  return createQueue<InboxJob>({ ...jobs, ...QUEUE });
}

/** Queues the work on a stored delivery; its job id is the entry's, so that it waits once. */
export async function enqueueEntry(queue: InboxQueue, entryId: string, requestId?: string): Promise<void> {
  await queue.enqueue(entryId, { entryId }, requestId === undefined ? {} : { requestId });
}

export interface InboxWorkerDeps {
  jobs: JobRuntime;
  inbox: InboxStore;
  queue: InboxQueue;
  concurrency: number;
  /** Who reads the deliveries of each source. */
  handlers: Record<string, DeliveryHandler>;
  sweepIntervalMs: number;
}

/** Processes stored deliveries, and sweeps for those that no job finished: Redis may have lost them. */
export function startInboxWorker(deps: InboxWorkerDeps): RunningWorker {
  const { jobs, inbox, queue } = deps;
  return startWorker<InboxJob>(jobs, {
    queue: QUEUE,
    concurrency: deps.concurrency,
    process: (job, context) => processEntry(deps, job, context),
    async onExhausted({ entryId }, error) {
      const now = jobs.clock.now();
      if (error instanceof DomainError) await inbox.finish(entryId, REJECTED, now);
      else await inbox.postpone(entryId, addSeconds(now, REST_SECONDS));
    },
    sweep: {
      everyMs: deps.sweepIntervalMs,
      async run() {
        for (const entryId of await inbox.due(jobs.clock.now(), SWEEP_LIMIT)) await enqueueEntry(queue, entryId);
      },
    },
  });
}

async function processEntry(
  { jobs, inbox, handlers }: InboxWorkerDeps,
  { entryId }: InboxJob,
  context: JobContext,
): Promise<void> {
  const entry = await inbox.find(entryId);
  if (entry === null || (entry.finishedAt !== null && entry.outcome !== REJECTED)) return;
  const handle = handlers[entry.source];
  if (handle === undefined) {
    throw new TransientError("webhook.no_handler", `This worker does not read deliveries of ${entry.source}.`);
  }
  const outcome = await handle(entry, context);
  await inbox.finish(entryId, outcome, jobs.clock.now());
  context.logger.info({ source: entry.source, outcome }, "webhook worked on");
}
