import type { Redis } from "ioredis";
import { addSeconds, type Clock } from "../../../core/clock";
import type { DeadLetterStore } from "../../../core/jobs/deadLetters";
import { DomainError, TransientError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import { type JobContext, type JobQueue, createQueue, processQueue, type QueueOptions } from "../../../core/jobs/queue";
import { startSweeper } from "../../../core/jobs/sweeper";
import { type Inbox, type InboxEntry, REFUSED } from "./store";

interface InboxJob {
  entryId: string;
}

/** The queue of kept deliveries. */
export type InboxQueue = JobQueue<InboxJob>;

/** Does what a delivery asks for, and says in a word what came of it. Safe to run twice. */
export type DeliveryHandler = (entry: InboxEntry, context: JobContext) => Promise<string>;

/** How long a delivery that could not be worked on, try after try, rests before the next round. */
const REST_SECONDS = 15 * 60;

const SWEEP_LIMIT = 500;

function queueOptions({ redis, prefix }: { redis: Redis; prefix: string }): QueueOptions {
  return { name: "webhook-inbox", redis, prefix };
}

/** Opens the producing side. */
export function openInboxQueue(connection: { redis: Redis; prefix: string }): InboxQueue {
  return createQueue<InboxJob>(queueOptions(connection));
}

/** Queues the work on a kept delivery; its job is named after it, so that it waits once. */
export async function enqueueEntry(queue: InboxQueue, entryId: string, requestId?: string): Promise<void> {
  await queue.enqueue(entryId, { entryId }, requestId === undefined ? {} : { requestId });
}

export interface InboxWorkerParts {
  inbox: Inbox;
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

/** Works on kept deliveries, and sweeps up those that no job finished: Redis may have lost them. */
export function startInboxWorker(parts: InboxWorkerParts): InboxWorker {
  const { inbox, queue, clock, logger } = parts;

  async function work({ entryId }: InboxJob, context: JobContext): Promise<void> {
    const entry = await inbox.find(entryId);
    if (entry === null || (entry.finishedAt !== null && entry.outcome !== REFUSED)) return;
    const handle = parts.handlers[entry.source];
    if (handle === undefined) {
      throw new TransientError("webhook.no_handler", `This worker does not read deliveries of ${entry.source}.`);
    }
    const outcome = await handle(entry, context);
    await inbox.finish(entryId, outcome, clock.now());
    context.logger.info({ source: entry.source, outcome }, "webhook worked on");
  }

  const processor = processQueue<InboxJob>({
    ...queueOptions(parts),
    concurrency: parts.concurrency,
    deadLetters: parts.deadLetters,
    clock,
    logger,
    process: work,
    async onExhausted({ entryId }, error) {
      const now = clock.now();
      if (error instanceof DomainError) await inbox.finish(entryId, REFUSED, now);
      else await inbox.postpone(entryId, addSeconds(now, REST_SECONDS));
    },
  });

  const sweeper = startSweeper({
    what: "the webhook inbox",
    everyMs: parts.sweepEveryMs,
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
