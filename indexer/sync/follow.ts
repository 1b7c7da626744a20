import type { Clock } from "../../core/clock";
import { monotonicMs } from "../../core/clock";
import { TransientError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import type { BlockRef, RegistryCollections, IncompleteBlock } from "../../projection/models";
import { backfill } from "./backfill";
import type { Header } from "../rpc/block";
import { isEmptyBloom, loadBlooms } from "../fetch/bloom";
import type { Term } from "../write/term";
import { decodeRange } from "../fetch/decode";
import { checkRange } from "../fetch/checkRange";
import type { BlockRange, FetchOptions } from "../fetch/blockRange";
import { fetchRange } from "../fetch/fetchRange";
import { logsOfBlock } from "../fetch/logs";
import type { Finality } from "./finality";
import type { NewHead } from "../rpc/headFeed";
import { BrokenLinkError, requireLink } from "../fetch/links";
import type { IndexerMetrics } from "../metrics";
import { startProgress, type Terminal } from "./progress";
import type { Batch, ProjectionWriter } from "../write/writer";
import { compareChains, isContradicted } from "./reorg";
import { RpcError } from "../rpc/rpcError";
import type { Source } from "../rpc/source";

/** Up to so many missing blocks are fetched in one go; more are backfilled. */
const SHORT_GAP = 200;
/** After so many tries in which every endpoint contradicted itself, a block is indexed as it is and marked as incomplete. */
const TRIES_BEFORE_INCOMPLETE = 2;
/** How often a checkpoint is told that the chain was heard of, when nothing else is written. */
const HEARTBEAT_MS = 5_000;

export interface FollowerParts {
  source: Source;
  writer: ProjectionWriter;
  term: Term;
  collections: RegistryCollections;
  finality: Finality;
  fetch: FetchOptions;
  metrics: IndexerMetrics;
  logger: Logger;
  clock: Clock;
  terminal: Terminal;
  stopping: AbortSignal;
}

/** Brings the index to a block of the chain. */
export interface Follower {
  /**
   * Indexes everything up to the block that was heard of, by whichever way fits: the block alone, the gap before it, a
   * long backfill, or another branch. Returns how many events were written.
   *
   * @throws LeaseLostError
   * @throws ChainResetError
   * @throws TransientError when no endpoint gives what is needed; the same call may succeed later
   */
  advance(heard: NewHead): Promise<number>;
}

/** Makes the follower of one term. */
export function makeFollower(parts: FollowerParts): Follower {
  const { source, writer, term, fetch, metrics, logger, clock } = parts;
  let contradictions = 0;
  let staleSaid = -1;
  let written = 0;

  const cursor = (): BlockRef | null => term.checkpoint.indexed;
  const nextNumber = () => (cursor()?.number ?? term.checkpoint.deployment.blockNumber - 1) + 1;

  async function write(batch: Batch, head: BlockRef): Promise<void> {
    const last = batch.headers.at(-1);
    if (last === undefined) return;
    const newest = head.number > last.number ? head : last;
    const finalizedNumber = await parts.finality(newest.number);
    const { number, hash, minedAt } = newest;
    await writer.commit(batch, { head: { number, hash, minedAt, seenAt: clock.now() }, finalizedNumber });
    written += batch.events.length;
    metrics.events.inc(batch.events.length);
    metrics.blocks.inc(batch.headers.length);
    metrics.indexedBlock.set(last.number);
    metrics.headBlock.set(newest.number);
  }

  const batchOf = ({ headers, logs }: BlockRange): Batch => ({
    headers,
    events: decodeRange(headers, logs, fetch.contracts),
  });

  async function writeRange(range: BlockRange, head: BlockRef): Promise<void> {
    if (range.repaired > 0) noteRepair(range.repaired);
    await write(batchOf(range), head);
  }

  function noteRepair(logs: number): void {
    metrics.repairedLogs.inc(logs);
    logger.warn({ logs }, "a node had left out logs; they were found in the receipts");
  }

  /** The one block that was heard of: its header is at hand, and its filter says whether to ask for logs at all. */
  async function advanceByOne(header: Header): Promise<void> {
    const addresses = [...fetch.contracts.keys()];
    const blooms = await loadBlooms();
    // Some chains leave their headers' filters empty: there an empty one says nothing of a block with transactions.
    const isSilent = isEmptyBloom(header.logsBloom) && header.transactions?.length !== 0;
    const concerned = isSilent || addresses.some((address) => blooms.mayContain(header.logsBloom, address));
    const range = concerned
      ? await source.ask(`the logs of block ${header.number}`, async (endpoint) => {
          const logs = await logsOfBlock(endpoint, header.hash, addresses);
          return checkRange(endpoint, [header], { logs, unanswered: new Set() }, fetch);
        })
      : { headers: [header], logs: [], repaired: 0 };
    await writeRange(range, header);
  }

  async function advanceByGap(from: number, head: Header): Promise<void> {
    const incompleteBlocks: IncompleteBlock[] = [];
    const tolerant = contradictions >= TRIES_BEFORE_INCOMPLETE;
    const options = tolerant
      ? { ...fetch, onIncomplete: (block: IncompleteBlock) => incompleteBlocks.push(block) }
      : fetch;
    const range = await source.ask(`blocks ${from} to ${head.number}`, async (endpoint) => {
      incompleteBlocks.length = 0;
      const fetched = await fetchRange(endpoint, from, head.number, options);
      await requireLink(endpoint, cursor(), fetched.headers[0], fetch.unlinked ?? false);
      return fetched;
    });
    if (incompleteBlocks.length > 0) {
      logger.error(
        { incompleteBlocks },
        "no endpoint gives all logs of these blocks: every answer is marked as unverified",
      );
      await term.write({ incompleteBlocks: [...term.checkpoint.incompleteBlocks, ...incompleteBlocks] });
    }
    await writeRange(range, head);
  }

  async function advanceByBackfill(from: number, head: Header): Promise<void> {
    logger.info({ from, to: head.number }, "backfilling");
    const progress = startProgress({ totalBlocks: head.number - from + 1, logger, terminal: parts.terminal });
    await backfill({
      source,
      fetch,
      after: cursor(),
      from,
      to: head.number,
      write: (batch) => write(batch, head),
      stopping: parts.stopping,
      progress,
      onRepaired: noteRepair,
    });
    progress.finish();
  }

  async function compareAndFollow(): Promise<void> {
    const { endpoint, comparison } = await source.ask("how its chain compares", async (endpoint) => ({
      endpoint,
      comparison: await compareChains(endpoint, {
        collections: parts.collections,
        checkpoint: term.checkpoint,
        fetch,
      }),
    }));
    const indexed = cursor();
    if (comparison.kind === "same" || indexed === null) return;
    if (comparison.kind === "stale") {
      const why = new RpcError("behind", `the node is at block ${comparison.head}, the index at ${indexed.number}`);
      source.demote(endpoint, why);
      if (staleSaid !== comparison.head) logger.info({ endpoint: endpoint.label, reason: why.message }, "stale node");
      staleSaid = comparison.head;
      return;
    }
    const { ancestor, branch } = comparison;
    const branchHead = branch.headers.at(-1);
    if (branchHead === undefined) return;
    if (await isContradicted(source, endpoint, indexed, branchHead.number)) {
      source.demote(endpoint, new RpcError("inconsistent", "the node is on a branch that others have left"));
      return;
    }
    const depth = indexed.number - (ancestor?.number ?? term.checkpoint.deployment.blockNumber - 1);
    const finalized = (ancestor?.number ?? -1) < term.checkpoint.finalizedNumber;
    logger[finalized ? "error" : "warn"](
      { depth, ancestor: ancestor?.number, dropped: indexed.hash, branchHead: branchHead.hash, finalized },
      "the chain was reorganised",
    );
    metrics.reorgs.inc();
    metrics.reorgDepth.observe(depth);
    await writer.rewind(ancestor);
    await writeRange(branch, branchHead);
  }

  /** A quiet chain is heard of too: whoever reads the checkpoint must be able to tell it from a dead one. */
  async function stillThere({ number, hash, minedAt }: BlockRef): Promise<void> {
    const seenAt = clock.now();
    const before = term.checkpoint.head?.seenAt;
    if (before !== undefined && seenAt.getTime() - before.getTime() < HEARTBEAT_MS) return;
    await term.write({ head: { number, hash, minedAt, seenAt } });
  }

  async function step({ header }: NewHead): Promise<void> {
    const indexed = cursor();
    const from = nextNumber();
    if (header.number < from) {
      if (indexed?.hash === header.hash) await stillThere(indexed);
      else await compareAndFollow();
      return;
    }
    try {
      if (header.number === from && header.parentHash === indexed?.hash) await advanceByOne(header);
      else if (header.number - from < SHORT_GAP) await advanceByGap(from, header);
      else await advanceByBackfill(from, header);
    } catch (error) {
      if (!(error instanceof BrokenLinkError)) throw error;
      logger.debug({ err: error }, "comparing chains");
      await compareAndFollow();
    }
  }

  return {
    async advance(heard) {
      written = 0;
      metrics.headBlock.set(heard.header.number);
      try {
        await step(heard);
        contradictions = 0;
      } catch (error) {
        if (error instanceof TransientError && error.code === "rpc.inconsistent") contradictions += 1;
        throw error;
      }
      if ((cursor()?.number ?? -1) >= heard.header.number) {
        metrics.visibleSeconds.observe((monotonicMs() - heard.seenAtMs) / 1000);
      }
      return written;
    },
  };
}
