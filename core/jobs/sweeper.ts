import { sleep } from "../clock";
import type { Logger } from "../logger";

/** Something done again and again until it is closed. */
export interface Sweeper {
  /** Ends the sweeping; the round in hand finishes. */
  close(): Promise<void>;
}

/**
 * Looks for forgotten work every `everyMs`, at once first. A round that fails is logged and repeated: whatever it was
 * about to find is still there.
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
