import { processQueue, type ProcessOptions, type QueueConnection, type QueueDefinition } from "./queue";
import { startSweeper } from "./sweeper";

/**
 * What a worker needs of the process around it; a process's context is one. In a worker process `redis` waits without
 * limit: consumers block on it.
 */
export type JobRuntime = QueueConnection & Pick<ProcessOptions<unknown>, "deadLetters" | "clock" | "logger">;

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
export function startWorker<Data>(runtime: JobRuntime, options: WorkerOptions<Data>): RunningWorker {
  const { queue, sweep, ...consumer } = options;
  const processor = processQueue<Data>({ ...runtime, ...queue, ...consumer });
  if (sweep === undefined) return processor;
  const sweeper = startSweeper({
    what: `for lost jobs of ${queue.name}`,
    everyMs: sweep.everyMs,
    logger: runtime.logger,
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
