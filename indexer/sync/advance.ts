import type { IncompleteBlock } from "../../projection/models";
import type { BlockRange } from "../fetch/blockRange";
import { isEmptyBloom, loadBlooms } from "../fetch/bloom";
import { checkRange } from "../fetch/checkRange";
import { fetchRange } from "../fetch/fetchRange";
import { requireLink } from "../fetch/links";
import { logsOfBlock } from "../fetch/logs";
import type { Header } from "../rpc/block";
import type { Source } from "../rpc/source";
import type { Term } from "../write/term";
import { backfill } from "./backfill";
import { startProgress, type Terminal } from "./progress";
import { recordRepair, writeBatch, type WriteDeps, writeRange } from "./writeBlocks";

export interface AdvanceDeps extends WriteDeps {
  source: Source;
  term: Term;
  terminal: Terminal;
  stopping: AbortSignal;
}

/**
 * Indexes the block after the cursor, whose header is known: its bloom filter tells whether to ask for logs at all.
 *
 * @returns how many events were written, as the other functions here
 */
export async function advanceByBlock(deps: AdvanceDeps, header: Header): Promise<number> {
  const { source, fetch } = deps;
  const addresses = [...fetch.contracts.keys()];
  const mayHaveLogs = await mayContainAny(header, addresses);
  const range: BlockRange = mayHaveLogs
    ? await source.ask(`the logs of block ${header.number}`, async (endpoint) => {
        const logs = await logsOfBlock(endpoint, header.hash, addresses);
        return checkRange(endpoint, [header], { logs, unanswered: new Set() }, fetch);
      })
    : { headers: [header], logs: [], repaired: 0 };
  return writeRange(deps, range, header);
}

async function mayContainAny(header: Header, addresses: string[]): Promise<boolean> {
  const blooms = await loadBlooms();
  // Some chains leave their headers' filters empty: there an empty one says nothing of a block with transactions.
  if (isEmptyBloom(header.logsBloom) && header.transactions?.length !== 0) return true;
  return addresses.some((address) => blooms.mayContain(header.logsBloom, address));
}

/**
 * Indexes a few blocks at once.
 *
 * @param acceptIncomplete index also blocks whose logs nothing proves complete, and mark them as incomplete
 * @throws BrokenLinkError when they do not follow the cursor
 */
export async function advanceByGap(
  deps: AdvanceDeps,
  { from, head, acceptIncomplete }: { from: number; head: Header; acceptIncomplete: boolean },
): Promise<number> {
  const { source, term, fetch, logger } = deps;
  const incomplete: IncompleteBlock[] = [];
  const onIncomplete = (block: IncompleteBlock) => incomplete.push(block);
  const options = acceptIncomplete ? { ...fetch, onIncomplete } : fetch;
  const range = await source.ask(`blocks ${from} to ${head.number}`, async (endpoint) => {
    incomplete.length = 0;
    const fetched = await fetchRange(endpoint, from, head.number, options);
    await requireLink(endpoint, term.checkpoint.indexed, fetched.headers[0], fetch.unlinked ?? false);
    return fetched;
  });
  if (incomplete.length > 0) {
    logger.error({ blocks: incomplete }, "no endpoint gives all logs of these blocks: every answer is unverified");
    await term.write({ incompleteBlocks: [...term.checkpoint.incompleteBlocks, ...incomplete] });
  }
  return writeRange(deps, range, head);
}

/** Indexes many blocks, and shows how far it is. @throws BrokenLinkError when they do not follow the cursor */
export async function advanceByBackfill(deps: AdvanceDeps, from: number, head: Header): Promise<number> {
  const { source, term, fetch, logger, terminal, stopping } = deps;
  logger.info({ from, to: head.number }, "backfilling");
  const progress = startProgress({ totalBlocks: head.number - from + 1, logger, terminal });
  let events = 0;
  await backfill({
    source,
    fetch,
    after: term.checkpoint.indexed,
    from,
    to: head.number,
    async write(batch) {
      events += await writeBatch(deps, batch, head);
    },
    stopping,
    progress,
    onRepaired: (logs) => recordRepair(deps, logs),
  });
  progress.finish();
  return events;
}
