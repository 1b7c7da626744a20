import type { Logger } from "../logger";

/**
 * Lets a job be added without waiting for Redis: an answer must not depend on it. What was asked for is in the database
 * by then, so a job that is not added is found by a worker's sweep; that is logged and nothing is thrown.
 */
export function enqueueLater(adding: Promise<void>, logger: Logger): void {
  adding.catch((error: unknown) => {
    logger.debug({ err: error }, "a job was not queued; the sweep finds its work");
  });
}
