import { type Job, Queue as BullQueue, UnrecoverableError, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { Clock } from "../clock";
import { randomFraction } from "../crypto";
import type { DeadLetterStore } from "./deadLetters";
import { DomainError, messageOf } from "../errors";
import type { Logger } from "../logger";
import { connectionNameOf, watchAbandonedJobs } from "./abandonedJobs";

/** What a processor gets beside the job's data. */
export interface JobContext {
  /** Of the HTTP request that caused the job, for the logs. */
  requestId: string | undefined;
  /** 1 for the first try. */
  attempt: number;
  logger: Logger;
  /** Aborts when the worker is asked to stop. */
  signal: AbortSignal;
}

/** A queue's name and how its jobs are tried: the same for whoever adds and whoever works. */
export interface QueueDefinition {
  /** Lower-case letters and hyphens. */
  name: string;
  /** How often a job is tried before it becomes a dead letter; 12 tries with the default delays take about an hour. */
  attempts?: number;
  /** Longest pause between two tries. */
  maxDelayMs?: number;
}

/** Where queues are; a process's context is one. */
export interface QueueConnection {
  redis: Redis;
  /** `prefix`: what the keys of this installation begin with. */
  config: { redis: { prefix: string } };
}

export interface QueueOptions extends QueueDefinition, QueueConnection {}

/** The producing side of a queue; {@link processQueue} is the consuming side. */
export interface JobQueue<Data> {
  readonly name: string;
  /**
   * Adds a job unless one with this id waits or runs already, so that adding twice is harmless.
   *
   * @param jobId deterministic, made from the thing to be done; without `:`
   */
  enqueue(jobId: string, data: Data, options?: { delayMs?: number; requestId?: string | undefined }): Promise<void>;
  /** Jobs waiting, delayed or running. */
  depth(): Promise<number>;
  close(): Promise<void>;
}

interface Envelope<Data> {
  data: Data;
  requestId?: string;
}

const FIRST_DELAY_MS = 250;
const DEFAULT_MAX_DELAY_MS = 10 * 60_000;

/** Makes the producing side of a queue. */
export function createQueue<Data>(options: QueueOptions): JobQueue<Data> {
  const { prefix } = options.config.redis;
  const queue = new BullQueue<Envelope<Data>>(options.name, { connection: options.redis, prefix });
  queue.on("error", () => {
    // The Redis connection reports its own errors; a command that failed rejects where it was called.
  });
  return {
    name: options.name,
    async enqueue(jobId, data, { delayMs, requestId } = {}) {
      await queue.add(options.name, requestId === undefined ? { data } : { data, requestId }, {
        jobId,
        attempts: options.attempts ?? 12,
        backoff: { type: "jittered" },
        // Finished jobs are removed at once: their outcome is in MongoDB, and while an id stays, the same job cannot be
        // added again.
        removeOnComplete: true,
        removeOnFail: true,
        ...(delayMs !== undefined && { delay: delayMs }),
      });
    },
    async depth() {
      const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized");
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    },
    close: () => queue.close(),
  };
}

export interface ProcessOptions<Data> extends QueueOptions {
  concurrency: number;
  deadLetters: DeadLetterStore;
  clock: Clock;
  logger: Logger;
  /**
   * Does the job. Must be safe to run twice: a worker may die after the work and before it is acknowledged.
   * A DomainError ends the job at once; anything else is tried again with growing, jittered pauses.
   */
  process(data: Data, context: JobContext): Promise<void>;
  /** Runs when a job is given up, before it becomes a dead letter. Must be safe to run twice. */
  onExhausted?(data: Data, error: Error): Promise<void>;
}

/** A running consumer of a queue. */
export interface QueueProcessor {
  /** Stops taking jobs and waits for the running ones, at most `deadlineMs`; other workers take over the rest. */
  close(deadlineMs: number): Promise<void>;
}

/** Starts processing a queue. */
export function processQueue<Data>(options: ProcessOptions<Data>): QueueProcessor {
  const stopping = new AbortController();
  const { redis, logger } = options;
  const { prefix } = options.config.redis;
  const worker = new Worker<Envelope<Data>>(options.name, (job) => runJob(options, stopping.signal, job), {
    connection: redis,
    // Stored with each job it takes; by it `watchAbandonedJobs` sees that the process is gone.
    name: connectionNameOf(redis),
    prefix,
    concurrency: options.concurrency,
    // Renewed every 7.5 s: it expires only where a process neither works nor ends. What a killed process had in hand is
    // released long before, and this check lets it wait again, however often that happens.
    lockDuration: 15_000,
    stalledInterval: 400,
    maxStalledCount: 1_000,
    settings: { backoffStrategy: (attempt) => pauseMs(attempt, options.maxDelayMs ?? DEFAULT_MAX_DELAY_MS) },
  });
  worker.on("error", (error) => logger.debug({ err: error, queue: options.name }, "queue connection error"));
  const watch = watchAbandonedJobs({ redis, prefix, queue: options.name, logger });

  return {
    async close(deadlineMs) {
      stopping.abort();
      const finished = Promise.all([worker.close(), watch.close()]);
      const late = new Promise<"late">((resolve) => setTimeout(() => resolve("late"), deadlineMs).unref());
      if ((await Promise.race([finished, late])) === "late") {
        logger.warn({ queue: options.name }, "jobs still running at the deadline are left to another worker");
      }
    },
  };
}

/** @throws UnrecoverableError when the job is given up; whatever else it throws is tried again */
async function runJob<Data>(
  options: ProcessOptions<Data>,
  signal: AbortSignal,
  job: Job<Envelope<Data>>,
): Promise<void> {
  const attempt = job.attemptsMade + 1;
  const { data, requestId } = job.data;
  const logger = options.logger.child({ queue: options.name, jobId: job.id, requestId });
  try {
    await options.process(data, { requestId, attempt, logger, signal });
  } catch (error) {
    const isFinal = error instanceof DomainError || attempt >= (job.opts.attempts ?? 1);
    if (!isFinal) {
      logger.warn({ err: error, attempt }, "job failed and will be tried again");
      throw error;
    }
    await giveUp(options, job, { error: error instanceof Error ? error : new Error(messageOf(error)), attempt });
    logger.error({ err: error, attempt }, "job given up; see dead_letters");
    throw new UnrecoverableError(messageOf(error));
  }
}

/** Records the job before the queue removes it: after a crash in between it is recorded again, under the same id. */
async function giveUp<Data>(
  { name, onExhausted, deadLetters, clock }: ProcessOptions<Data>,
  job: Job<Envelope<Data>>,
  { error, attempt }: { error: Error; attempt: number },
): Promise<void> {
  const { data, requestId } = job.data;
  await onExhausted?.(data, error);
  await deadLetters.record({
    queue: name,
    jobId: job.id ?? "",
    data,
    ...(requestId !== undefined && { requestId }),
    error,
    attempts: attempt,
    failedAt: clock.now(),
  });
}

/** Doubles with each attempt up to the maximum; the upper half is random, so that jobs do not retry in step. */
function pauseMs(attempt: number, maxDelayMs: number): number {
  const ceiling = Math.min(FIRST_DELAY_MS * 2 ** Math.min(attempt, 20), maxDelayMs);
  return Math.round(ceiling * (0.5 + randomFraction() / 2));
}
