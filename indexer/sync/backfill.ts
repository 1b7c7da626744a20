import type { BlockRef } from "../../projection/models";
import { decodeRange } from "../fetch/decode";
import type { BlockRange, FetchOptions } from "../fetch/blockRange";
import { fetchRange } from "../fetch/fetchRange";
import { requireLink } from "../fetch/links";
import type { Progress } from "./progress";
import type { Batch } from "../write/writer";
import type { Source } from "../rpc/source";

/** So many events make a good batch: enough for bulk writes to pay, few enough to hold several. */
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

/**
 * Brings a long stretch of the chain into the index: ranges are fetched with a bounded look-ahead, while the one before
 * is decoded and the one before that written. Ranges grow and shrink with the number of events found in them.
 *
 * @throws BrokenLinkError when a block is not the child of the one before
 * @throws TransientError when no endpoint gives a range
 */
export async function backfill(options: BackfillOptions): Promise<void> {
  const { source, fetch, to, write, stopping } = options;
  let next = options.from;
  let size = FIRST_BATCH_BLOCKS;
  let last = options.after;
  let writing: Promise<void> = Promise.resolve();
  const inFlight: Promise<BlockRange>[] = [];

  function fetchMore(): void {
    while (next <= to && inFlight.length < LOOK_AHEAD && !stopping.aborted) {
      const [from, until] = [next, Math.min(to, next + size - 1)];
      next = until + 1;
      const range = source.ask(`blocks ${from} to ${until}`, (endpoint) => fetchRange(endpoint, from, until, fetch));
      // Looked at in its turn; until then a failure must not count as unheard.
      range.catch(() => undefined);
      inFlight.push(range);
    }
  }

  try {
    fetchMore();
    for (let range = inFlight.shift(); range !== undefined && !stopping.aborted; range = inFlight.shift()) {
      const { headers, logs, repaired } = await range;
      size = nextSize(size, headers.length, logs.length);
      fetchMore();
      const [after, first] = [last, headers[0]];
      await source.ask("how blocks are linked", (endpoint) =>
        requireLink(endpoint, after, first, fetch.unlinked ?? false),
      );
      const batch = { headers, events: decodeRange(headers, logs, fetch.contracts) };
      await writing;
      writing = write(batch);
      writing.catch(() => undefined);
      const end = headers.at(-1);
      if (end) last = { number: end.number, hash: end.hash, minedAt: end.minedAt };
      if (repaired > 0) options.onRepaired?.(repaired);
      options.progress?.advance(headers.length, logs.length);
    }
  } finally {
    // Whatever happened, no write may still be under way when the caller goes on.
    await writing;
  }
}

function nextSize(size: number, blocks: number, events: number): number {
  const fitting = events === 0 ? MAX_BATCH_BLOCKS : Math.ceil((BATCH_EVENTS * blocks) / events);
  return Math.max(1, Math.min(MAX_BATCH_BLOCKS, size * 2, fitting));
}
