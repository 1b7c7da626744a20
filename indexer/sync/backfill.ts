import type { BlockRef } from "../../projection/models";
import type { BlockRange, FetchOptions } from "../fetch/blockRange";
import { decodeRange } from "../fetch/decode";
import { fetchRange } from "../fetch/fetchRange";
import { requireLink } from "../fetch/links";
import type { Source } from "../rpc/source";
import type { Batch } from "../write/writer";
import type { Progress } from "./progress";

/** So many events make a good batch: enough for bulk writes to pay, few enough to hold several in memory. */
const BATCH_EVENTS = 1_500;
const MAX_BATCH_BLOCKS = 1_000;
const FIRST_BATCH_BLOCKS = 100;
/** Ranges in flight at once: while one is written, the next are fetched. */
const LOOK_AHEAD = 2;

export interface BackfillOptions {
  source: Source;
  fetch: FetchOptions;
  /** The last written block; null when `from` is the first. */
  after: BlockRef | null;
  from: number;
  to: number;
  /** Writes a batch; the next is fetched and decoded meanwhile, but written only afterwards. */
  write(batch: Batch): Promise<void>;
  stopping: AbortSignal;
  progress?: Progress;
  onRepaired?(logs: number): void;
}

interface BackfillState {
  /** The first block that no range covers yet. */
  next: number;
  /** Blocks of the next range. */
  size: number;
  inFlight: Promise<BlockRange>[];
}

/**
 * Indexes a long stretch of the chain: ranges are fetched with a bounded look-ahead, while the one before is decoded and
 * the one before that written. Ranges grow and shrink with the number of events found in them.
 *
 * @throws BrokenLinkError when a block is not the child of the one before
 * @throws TransientError when no endpoint gives a range
 */
export async function backfill(options: BackfillOptions): Promise<void> {
  const { source, fetch, write, stopping, onRepaired, progress } = options;
  const state: BackfillState = { next: options.from, size: FIRST_BATCH_BLOCKS, inFlight: [] };
  let last = options.after;
  let writing: Promise<void> = Promise.resolve();
  try {
    fetchAhead(options, state);
    for (let range = state.inFlight.shift(); range && !stopping.aborted; range = state.inFlight.shift()) {
      const { headers, logs, repaired } = await range;
      state.size = nextSize(state.size, headers.length, logs.length);
      fetchAhead(options, state);
      const [after, first] = [last, headers[0]];
      await source.ask("how blocks are linked", (endpoint) =>
        requireLink(endpoint, after, first, fetch.unlinked ?? false),
      );
      const batch = { headers, events: decodeRange(headers, logs, fetch.contracts) };
      await writing;
      writing = withoutUnhandledRejection(write(batch));
      last = headers.at(-1) ?? last;
      if (repaired > 0) onRepaired?.(repaired);
      progress?.advance(headers.length, logs.length);
    }
  } finally {
    // Whatever happened, no write may still be under way when the caller goes on.
    await writing;
  }
}

function fetchAhead({ source, fetch, to, stopping }: BackfillOptions, state: BackfillState): void {
  while (state.next <= to && state.inFlight.length < LOOK_AHEAD && !stopping.aborted) {
    const from = state.next;
    const until = Math.min(to, from + state.size - 1);
    state.next = until + 1;
    const range = source.ask(`blocks ${from} to ${until}`, (endpoint) => fetchRange(endpoint, from, until, fetch));
    state.inFlight.push(withoutUnhandledRejection(range));
  }
}

/** A promise that is awaited later: a failure until then must not end the process as an unhandled rejection. */
function withoutUnhandledRejection<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function nextSize(size: number, blocks: number, events: number): number {
  const fitting = events === 0 ? MAX_BATCH_BLOCKS : Math.ceil((BATCH_EVENTS * blocks) / events);
  return Math.max(1, Math.min(MAX_BATCH_BLOCKS, size * 2, fitting));
}
