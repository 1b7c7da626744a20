import { monotonicMs, sleep } from "../../core/clock";
import type { Logger } from "../../core/logger";
import { type Header, parseHeader } from "./block";
import type { Source } from "./source";

/** The chain's newest block, and when the indexer learned of it (monotonic milliseconds). */
export interface NewHead {
  header: Header;
  seenAtMs: number;
}

/** Gives new blocks: by subscription where an endpoint has one, and by polling. */
export interface HeadFeed {
  /**
   * The chain's newest block: at once when a socket sent one since the last call, otherwise when one does or the next
   * poll is due.
   *
   * @throws TransientError when no endpoint answers
   */
  next(): Promise<NewHead>;
  close(): void;
}

/** A socket that sends nothing for so many polling intervals is checked by a poll. */
const WATCHDOG_INTERVALS = 3;
/** After so many unchanged answers of one endpoint, the others are asked too. */
const UNCHANGED_POLLS_BEFORE_ASKING_ALL = 5;

interface HeadFeedDeps {
  source: Source;
  pollMs: number;
  logger: Logger;
  stopping: AbortSignal;
}

interface FeedState {
  started: boolean;
  /** What a socket sent since the last call of `next`. */
  pushed: NewHead | undefined;
  /** Ends the pause between two polls. */
  wake: (() => void) | undefined;
  /** Number of the newest block given so far; -1 before the first. */
  newest: number;
  unchangedPolls: number;
  /** Whether the sockets have missed a block, so that polls are not spaced out. */
  socketSilent: boolean;
}

/** Makes the feed and subscribes where an endpoint has subscriptions. */
export function createHeadFeed(deps: HeadFeedDeps): HeadFeed {
  const state: FeedState = {
    started: false,
    pushed: undefined,
    wake: undefined,
    newest: -1,
    unchangedPolls: 0,
    socketSilent: false,
  };
  const close = deps.source.subscribe((message) => receive(deps, state, message));
  return { next: () => nextHead(deps, state), close };
}

function receive({ logger }: HeadFeedDeps, state: FeedState, message: unknown): void {
  try {
    state.pushed = { header: parseHeader(message), seenAtMs: monotonicMs() };
  } catch (error) {
    // Some nodes leave the bloom filter out of notifications: then the next poll fetches the block.
    logger.debug({ err: error }, "a notification of a new block could not be read");
  }
  state.wake?.();
}

async function nextHead(deps: HeadFeedDeps, state: FeedState): Promise<NewHead> {
  if (state.started) await waitForHead(deps, state);
  state.started = true;
  const { pushed } = state;
  state.pushed = undefined;
  if (pushed) state.socketSilent = false;
  const head = pushed ?? (await poll(deps, state));
  state.newest = head.header.number;
  return head;
}

/** Waits until a socket sends a block or the next poll is due. */
async function waitForHead({ source, pollMs, stopping }: HeadFeedDeps, state: FeedState): Promise<void> {
  const waited = new AbortController();
  const end = () => waited.abort();
  state.wake = end;
  stopping.addEventListener("abort", end);
  const watching = source.hasSubscriptions && !state.socketSilent;
  if (state.pushed === undefined) await sleep(watching ? pollMs * WATCHDOG_INTERVALS : pollMs, waited.signal);
  stopping.removeEventListener("abort", end);
  state.wake = undefined;
}

async function poll({ source, logger }: HeadFeedDeps, state: FeedState): Promise<NewHead> {
  const seenAtMs = monotonicMs();
  let header = await source.head();
  state.unchangedPolls = header.number === state.newest ? state.unchangedPolls + 1 : 0;
  if (state.unchangedPolls >= UNCHANGED_POLLS_BEFORE_ASKING_ALL && source.endpoints.length > 1) {
    state.unchangedPolls = 0;
    header = await source.highestHead();
  }
  if (source.hasSubscriptions && header.number > state.newest && state.newest >= 0 && !state.socketSilent) {
    state.socketSilent = true;
    logger.warn({ block: header.number }, "the socket did not send a new block; polling meanwhile");
  }
  return { header, seenAtMs };
}
