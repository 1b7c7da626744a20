import { type Job, Queue as BullQueue, UnrecoverableError, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { Clock } from "../clock";
import { randomFraction } from "../crypto";
import type { DeadLetterStore } from "./deadLetters";
import { DomainError, messageOf } from "../errors";
import type { Logger } from "../logger";

/** What a job carries beside its data: the request that caused it, for the logs. */
export interface JobContext {
  requestId: string | undefined;
  /** 1 for the first try. */
  attempt: number;
  logger: Logger;
  /** Aborts when the worker is told to stop. */
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

export interface QueueOptions extends QueueDefinition {
  redis: Redis;
  prefix: string;
}

/** A queue one can only add to; processing is {@link processQueue}'s. */
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

/** Opens the producing side of a queue. */
export function createQueue<Data>(options: QueueOptions): JobQueue<Data> {
  const queue = new BullQueue<Envelope<Data>>(options.name, { connection: options.redis, prefix: options.prefix });
  queue.on("error", () => {
    // The Redis connection reports its own errors; a command that failed rejects where it was called.
  });
  return {
    name: options.name,
    async enqueue(jobId, data, { delayMs, requestId } = {}) {
      await queue.add(
        options.name,
        { data, ...(requestId !== undefined && { requestId }) },
        {
          jobId,
          attempts: options.attempts ?? 12,
          backoff: { type: "jittered" },
          // Finished jobs leave at once: their outcome is in MongoDB, and a lingering id would refuse a new round.
          removeOnComplete: true,
          removeOnFail: true,
          ...(delayMs !== undefined && { delay: delayMs }),
        },
      );
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
   * Does the job. Safe to run twice: a worker may die after the work and before saying so.
   * A DomainError ends the job at once; anything else is tried again with growing, jittered pauses.
   */
  process(data: Data, context: JobContext): Promise<void>;
  /** Runs once when a job is given up, before it becomes a dead letter. Safe to run twice. */
  onExhausted?(data: Data, error: Error): Promise<void>;
}

/** A running consumer of a queue. */
export interface QueueProcessor {
  /** Stops taking jobs and waits for those in hand, at most `deadlineMs`; the rest is taken over by others. */
  close(deadlineMs: number): Promise<void>;
}

/** Starts working on a queue. */
export function processQueue<Data>(options: ProcessOptions<Data>): QueueProcessor {
  const stopping = new AbortController();
  const maxDelayMs = options.maxDelayMs ?? 10 * 60_000;

  async function run(job: Job<Envelope<Data>>): Promise<void> {
    const attempt = job.attemptsMade + 1;
    const { data, requestId } = job.data;
    const logger = options.logger.child({ queue: options.name, jobId: job.id, requestId });
    try {
      await options.process(data, { requestId, attempt, logger, signal: stopping.signal });
    } catch (error) {
      const final = error instanceof DomainError || attempt >= (job.opts.attempts ?? 1);
      if (!final) {
        logger.warn({ err: error, attempt }, "job failed and will be tried again");
        throw error;
      }
      await giveUp(job, error instanceof Error ? error : new Error(messageOf(error)), attempt);
      logger.error({ err: error, attempt }, "job given up; see dead_letters");
      throw new UnrecoverableError(messageOf(error));
    }
  }

  // Recorded before the queue forgets the job: dying in between repeats the record, which is keyed by the job.
  async function giveUp(job: Job<Envelope<Data>>, error: Error, attempts: number): Promise<void> {
    const { data, requestId } = job.data;
    await options.onExhausted?.(data, error);
    await options.deadLetters.record({
      queue: options.name,
      jobId: job.id ?? "",
      data,
      ...(requestId !== undefined && { requestId }),
      error,
      attempts,
      failedAt: options.clock.now(),
    });
  }

  const worker = new Worker<Envelope<Data>>(options.name, run, {
    connection: options.redis,
    prefix: options.prefix,
    concurrency: options.concurrency,
    // A job whose worker was killed is taken over after this long, however often that happens.
    lockDuration: 15_000,
    stalledInterval: 5_000,
    maxStalledCount: 1_000,
    settings: {
      backoffStrategy: (attempt) => {
        const ceiling = Math.min(FIRST_DELAY_MS * 2 ** Math.min(attempt, 20), maxDelayMs);
        return Math.round(ceiling * (0.5 + randomFraction() / 2));
      },
    },
  });
  worker.on("error", (error) => options.logger.debug({ err: error, queue: options.name }, "queue connection error"));

  return {
    async close(deadlineMs) {
      stopping.abort();
      const finished = worker.close();
      const late = new Promise<"late">((resolve) => setTimeout(() => resolve("late"), deadlineMs).unref());
      if ((await Promise.race([finished, late])) === "late") {
        options.logger.warn({ queue: options.name }, "jobs still running at the deadline are left to another worker");
        await worker.close(true);
      }
    },
  };
}
