import type { Redis } from "ioredis";
import { addSeconds, type Clock } from "../../../core/clock";
import type { DeadLetterStore } from "../../../core/jobs/deadLetters";
import { DomainError, TransientError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import { type JobContext, type JobQueue, createQueue, processQueue, type QueueOptions } from "../../../core/jobs/queue";
import { startSweeper } from "../../../core/jobs/sweeper";
import { type InboxStore, type InboxEntry, REJECTED } from "./store";

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

function queueOptions({ redis, prefix }: { redis: Redis; prefix: string }): QueueOptions {
  return { name: "webhook-inbox", redis, prefix };
}

/** Creates the producing side. */
export function createInboxQueue(connection: { redis: Redis; prefix: string }): InboxQueue {
  return createQueue<InboxJob>(queueOptions(connection));
}

/** Queues the work on a stored delivery; its job id is the entry's, so that it waits once. */
export async function enqueueEntry(queue: InboxQueue, entryId: string, requestId?: string): Promise<void> {
  await queue.enqueue(entryId, { entryId }, requestId === undefined ? {} : { requestId });
}

export interface InboxWorkerDeps {
  inbox: InboxStore;
  queue: InboxQueue;
  redis: Redis;
  prefix: string;
  deadLetters: DeadLetterStore;
  clock: Clock;
  logger: Logger;
  concurrency: number;
  /** Who reads the deliveries of each source. */
  handlers: Record<string, DeliveryHandler>;
  sweepEveryMs: number;
}

/** A running worker on the inbox. */
export interface InboxWorker {
  close(deadlineMs: number): Promise<void>;
}

/** Processes stored deliveries, and sweeps for those that no job finished: Redis may have lost them. */
export function startInboxWorker(deps: InboxWorkerDeps): InboxWorker {
  const { inbox, queue, clock, logger } = deps;

  async function work({ entryId }: InboxJob, context: JobContext): Promise<void> {
    const entry = await inbox.find(entryId);
    if (entry === null || (entry.finishedAt !== null && entry.outcome !== REJECTED)) return;
    const handle = deps.handlers[entry.source];
    if (handle === undefined) {
      throw new TransientError("webhook.no_handler", `This worker does not read deliveries of ${entry.source}.`);
    }
    const outcome = await handle(entry, context);
    await inbox.finish(entryId, outcome, clock.now());
    context.logger.info({ source: entry.source, outcome }, "webhook worked on");
  }

  const processor = processQueue<InboxJob>({
    ...queueOptions(deps),
    concurrency: deps.concurrency,
    deadLetters: deps.deadLetters,
    clock,
    logger,
    process: work,
    async onExhausted({ entryId }, error) {
      const now = clock.now();
      if (error instanceof DomainError) await inbox.finish(entryId, REJECTED, now);
      else await inbox.postpone(entryId, addSeconds(now, REST_SECONDS));
    },
  });

  const sweeper = startSweeper({
    what: "the webhook inbox",
    everyMs: deps.sweepEveryMs,
    logger,
    async sweep() {
      for (const entryId of await inbox.due(clock.now(), SWEEP_LIMIT)) await enqueueEntry(queue, entryId);
    },
  });

  return {
    async close(deadlineMs) {
      await Promise.all([processor.close(deadlineMs), sweeper.close()]);
    },
  };
}
