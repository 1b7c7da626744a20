import { type Clock, sleep } from "../../core/clock";
import { messageOf } from "../../core/errors";
import type { Logger } from "../../core/logger";
import type { RegistryCollections } from "../../projection/models";
import type { Term } from "../write/term";
import type { FetchOptions } from "../fetch/blockRange";
import type { Finality } from "./finality";
import { makeFollower } from "./follow";
import { createHeadFeed } from "../rpc/headFeed";
import { isTransient } from "./identify";
import type { IndexerMetrics } from "../metrics";
import type { Terminal } from "./progress";
import { createProjectionWriter } from "../write/writer";
import { makeProver } from "../completeness/verify";
import type { Source } from "../rpc/source";
import type { CrashPointHook } from "../write/crashPoints";

export interface LeadOptions {
  term: Term;
  source: Source;
  collections: RegistryCollections;
  finality: Finality;
  fetch: FetchOptions;
  metrics: IndexerMetrics;
  logger: Logger;
  clock: Clock;
  terminal: Terminal;
  onCrashPoint: CrashPointHook;
  pollMs: number;
  /** Aborts when the process stops or the lease is lost. */
  stopping: AbortSignal;
  /** Called once, when the index has reached the chain's newest block for the first time. */
  onCaughtUp?(): void;
}

/** How long to wait after no endpoint gave what was needed. */
const PAUSE_AFTER_FAULT_MS = 500;

/**
 * Leads: brings the index up to the chain and keeps it there until `stopping`. Nodes that fail are waited for; anything
 * else that goes wrong ends the term, and the next one begins by removing what this one left unfinished.
 *
 * @throws LeaseLostError when another process took the lease
 * @throws ChainResetError when the chain is no longer the one that is indexed
 */
export async function lead(options: LeadOptions): Promise<void> {
  const { term, source, collections, logger, stopping, onCrashPoint, metrics } = options;
  const writer = createProjectionWriter({ collections, term, onCrashPoint });
  await writer.recover();
  await onCrashPoint("index recovered");
  const follower = makeFollower({ ...options, writer });
  const prover = makeProver({ ...options, writer });
  const feed = createHeadFeed({ source, pollMs: options.pollMs, logger, stopping });
  // A call, since TypeScript believes that what was false stays so across an await.
  const isOver = () => stopping.aborted;
  let caughtUp = false;
  let failing = false;
  try {
    while (!isOver()) {
      try {
        const heard = await feed.next();
        if (isOver()) return;
        const events = await follower.advance(heard);
        if (events > 0) {
          const block = term.checkpoint.indexed?.number;
          const what = `indexed to block ${block}, ${events} ${events === 1 ? "event" : "events"}`;
          logger.info({ notice: caughtUp, block, events }, what);
        }
        await prover.prove();
        if (failing) logger.info("the chain answers again");
        failing = false;
        if (!caughtUp && (term.checkpoint.indexed?.number ?? -1) >= heard.header.number) {
          caughtUp = true;
          options.onCaughtUp?.();
        }
        metrics.verifiedBlock.set(term.checkpoint.verifiedNumber);
      } catch (error) {
        if (isOver()) return;
        if (!isTransient(error)) throw error;
        if (!failing) logger.warn({ err: error }, `waiting for the chain: ${messageOf(error)}`);
        failing = true;
        await sleep(PAUSE_AFTER_FAULT_MS, stopping);
      }
    }
  } finally {
    feed.close();
  }
}
