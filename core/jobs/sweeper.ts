import { sleep } from "../clock";
import type { Logger } from "../logger";

/** A task that runs at intervals until it is closed. */
export interface Sweeper {
  /** Stops it; a run in progress finishes first. */
  close(): Promise<void>;
}

/**
 * Runs `sweep` at once and then every `everyMs` milliseconds, to find work that was left undone. A run that fails is
 * logged; the next one finds the same work.
 *
 * @param options.what names the work in the log, such as `the webhook inbox`
 */
export function startSweeper(options: {
  what: string;
  everyMs: number;
  logger: Logger;
  sweep(): Promise<void>;
}): Sweeper {
  const closing = new AbortController();
  const ended = (async () => {
    while (!closing.signal.aborted) {
      try {
        await options.sweep();
      } catch (error) {
        options.logger.warn({ err: error }, `sweeping ${options.what} failed; it is repeated`);
      }
      await sleep(options.everyMs, closing.signal);
    }
  })();
  return {
    async close() {
      closing.abort();
      await ended;
    },
  };
}
