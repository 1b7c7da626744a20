import type { Clock } from "../../core/clock";
import type { Logger } from "../../core/logger";
import type { BlockRef } from "../../projection/models";
import type { BlockRange, FetchOptions } from "../fetch/blockRange";
import { decodeRange } from "../fetch/decode";
import type { IndexerMetrics } from "../metrics";
import type { Batch, ProjectionWriter } from "../write/writer";
import type { Finality } from "./finality";

export interface WriteDeps {
  writer: ProjectionWriter;
  finality: Finality;
  fetch: FetchOptions;
  metrics: IndexerMetrics;
  logger: Logger;
  clock: Clock;
}

/**
 * Decodes a range of blocks and writes it behind the cursor.
 *
 * @param head the chain's newest block, as far as it is known
 * @returns how many events were written
 * @throws LeaseLostError
 */
export async function writeRange(deps: WriteDeps, range: BlockRange, head: BlockRef): Promise<number> {
  if (range.repaired > 0) recordRepair(deps, range.repaired);
  const { headers, logs } = range;
  return writeBatch(deps, { headers, events: decodeRange(headers, logs, deps.fetch.contracts) }, head);
}

/** Writes decoded blocks behind the cursor; see {@link writeRange}. */
export async function writeBatch(deps: WriteDeps, batch: Batch, head: BlockRef): Promise<number> {
  const { writer, finality, metrics, clock } = deps;
  const last = batch.headers.at(-1);
  if (last === undefined) return 0;
  const newest = head.number > last.number ? head : last;
  const finalizedNumber = await finality(newest.number);
  const { number, hash, minedAt } = newest;
  await writer.commit(batch, { head: { number, hash, minedAt, seenAt: clock.now() }, finalizedNumber });
  metrics.events.inc(batch.events.length);
  metrics.blocks.inc(batch.headers.length);
  metrics.indexedBlock.set(last.number);
  metrics.headBlock.set(newest.number);
  return batch.events.length;
}

/** Counts logs that a node had left out and that were found in the receipts. */
export function recordRepair({ metrics, logger }: Pick<WriteDeps, "metrics" | "logger">, logs: number): void {
  metrics.repairedLogs.inc(logs);
  logger.warn({ logs }, "a node had left out logs; they were found in the receipts");
}
