import { monotonicMs, sleep } from "../../core/clock";
import type { Logger } from "../../core/logger";
import { type Header, parseHeader } from "./block";
import type { Source } from "./source";

/** A new block, and when it was heard of (monotonic milliseconds). */
export interface Heard {
  header: Header;
  heardAtMs: number;
}

/** Tells of new blocks: by subscription where an endpoint has one, and by asking. */
export interface HeadFeed {
  /**
   * The chain's newest block: at once when a socket told of one since the last call, otherwise when one does or it is
   * time to ask.
   *
   * @throws TransientError when no endpoint answers
   */
  next(): Promise<Heard>;
  close(): void;
}

/** A socket that tells nothing for so many polling intervals is asked whether it is deaf. */
const WATCHDOG_INTERVALS = 3;
/** After so many unchanged answers of one endpoint, the others are asked too. */
const STILL_BEFORE_ASKING_ALL = 5;

/** Opens the feed. */
export function openHeadFeed(options: {
  source: Source;
  pollMs: number;
  logger: Logger;
  stopping: AbortSignal;
}): HeadFeed {
  const { source, pollMs, logger, stopping } = options;
  let told: Heard | undefined;
  let wake: (() => void) | undefined;
  let newest = -1;
  let still = 0;
  let mute = false;

  const end = source.subscribe((message) => {
    try {
      told = { header: parseHeader(message), heardAtMs: monotonicMs() };
    } catch (error) {
      // Some nodes leave the bloom filter out of notifications: then the poll below fetches the block.
      logger.debug({ err: error }, "a notification of a new block could not be read");
    }
    wake?.();
  });

  async function pause(): Promise<void> {
    const waited = new AbortController();
    const end = () => waited.abort();
    wake = end;
    stopping.addEventListener("abort", end);
    if (told === undefined) await sleep(source.live && !mute ? pollMs * WATCHDOG_INTERVALS : pollMs, waited.signal);
    stopping.removeEventListener("abort", end);
    wake = undefined;
  }

  async function poll(): Promise<Heard> {
    const heardAtMs = monotonicMs();
    let header = await source.head();
    still = header.number === newest ? still + 1 : 0;
    if (still >= STILL_BEFORE_ASKING_ALL && source.endpoints.length > 1) {
      still = 0;
      header = await source.highestHead();
    }
    if (source.live && header.number > newest && newest >= 0 && !mute) {
      mute = true;
      logger.warn({ block: header.number }, "the socket did not tell of a new block; asking for blocks meanwhile");
    }
    return { header, heardAtMs };
  }

  let first = true;
  return {
    async next() {
      if (!first) await pause();
      first = false;
      const known = told;
      told = undefined;
      if (known) mute = false;
      const heard = known ?? (await poll());
      newest = heard.header.number;
      return heard;
    },
    close: end,
  };
}
