import type { Redis } from "ioredis";
import type { Clock } from "../clock";
import type { Logger } from "../logger";
import type { DeadLetterStore } from "./deadLetters";
import { processQueue, type ProcessOptions, type QueueDefinition } from "./queue";
import { startSweeper } from "./sweeper";

/** What every queue and its worker need of the process around them. */
export interface JobRuntime {
  /** In a worker process, a connection that waits without limit: consumers block on it. */
  redis: Redis;
  /** What the keys of this installation begin with. */
  prefix: string;
  deadLetters: DeadLetterStore;
  clock: Clock;
  logger: Logger;
}

/** What a background worker does. */
export interface WorkerOptions<Data> extends Pick<ProcessOptions<Data>, "concurrency" | "process" | "onExhausted"> {
  queue: QueueDefinition;
  /** Queues again what waits in the database and has no job, so that Redis may lose everything. */
  sweep?: { everyMs: number; run(): Promise<unknown> };
}

/** A background worker at work. */
export interface RunningWorker {
  /** Stops taking work and waits for what is in hand, at most `deadlineMs`; the rest is taken over by others. */
  close(deadlineMs: number): Promise<void>;
}

/** Starts to consume a queue, and to sweep: at once, and then every `everyMs`. */
export function startWorker<Data>(jobs: JobRuntime, options: WorkerOptions<Data>): RunningWorker {
  const { queue, sweep, ...consumer } = options;
  const processor = processQueue<Data>({ ...jobs, ...queue, ...consumer });
  if (sweep === undefined) return processor;
  const sweeper = startSweeper({
    what: `for lost jobs of ${queue.name}`,
    everyMs: sweep.everyMs,
    logger: jobs.logger,
    async sweep() {
      await sweep.run();
    },
  });
  return {
    async close(deadlineMs) {
      await Promise.all([sweeper.close(), processor.close(deadlineMs)]);
    },
  };
}
