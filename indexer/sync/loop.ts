import { sleep } from "../../core/clock";
import { messageOf } from "../../core/errors";
import { createVerificationState, type VerificationState, verifyNext } from "../completeness/verify";
import { createHeadFeed, type HeadFeed } from "../rpc/headFeed";
import type { CrashPointHook } from "../write/crashPoints";
import { createProjectionWriter } from "../write/writer";
import { createFollowState, type FollowState, followTo } from "./follow";
import type { BranchDeps } from "./followBranch";
import { isTransient } from "./identify";

export interface LoopOptions extends Omit<BranchDeps, "writer"> {
  onCrashPoint: CrashPointHook;
  pollMs: number;
  /** Aborts when the process stops or the lease is lost. */
  stopping: AbortSignal;
  /** Called once, when the index has reached the chain's newest block for the first time. */
  onCaughtUp?(): void;
}

interface LoopState {
  follow: FollowState;
  verification: VerificationState;
  caughtUp: boolean;
  /** Whether the last tick failed, so that a row of failures is logged once. */
  failing: boolean;
}

/** How long to wait after no endpoint gave what was needed. */
const PAUSE_AFTER_ERROR_MS = 500;

/**
 * Brings the index up to the chain and follows it until `stopping`. Nodes that fail are waited for; anything else that
 * goes wrong ends the term, and the next one begins by removing what this one left unfinished.
 *
 * @throws LeaseLostError when another process acquired the lease
 * @throws ChainResetError when the chain is no longer the one that is indexed
 */
export async function followChain(options: LoopOptions): Promise<void> {
  const { source, term, logger, stopping, onCrashPoint } = options;
  const writer = createProjectionWriter(options);
  await writer.recover();
  await onCrashPoint("index recovered");
  const deps: BranchDeps = { ...options, writer };
  const state: LoopState = {
    follow: createFollowState(),
    verification: createVerificationState(term),
    caughtUp: false,
    failing: false,
  };
  const feed = createHeadFeed({ source, pollMs: options.pollMs, logger, stopping });
  // A call, since TypeScript assumes that what was false stays so across an await.
  const isOver = () => stopping.aborted;
  try {
    while (!isOver()) {
      try {
        await tick(deps, options, state, feed);
      } catch (error) {
        if (isOver()) return;
        if (!isTransient(error)) throw error;
        if (!state.failing) logger.warn({ err: error }, `waiting for the chain: ${messageOf(error)}`);
        state.failing = true;
        await sleep(PAUSE_AFTER_ERROR_MS, stopping);
      }
    }
  } finally {
    feed.close();
  }
}

/** Waits for the next block, indexes up to it, and verifies a page of what changed. */
async function tick(deps: BranchDeps, options: LoopOptions, state: LoopState, feed: HeadFeed): Promise<void> {
  const { term, logger, stopping, metrics } = deps;
  const head = await feed.next();
  if (stopping.aborted) return;
  const events = await followTo(deps, state.follow, head);
  if (events > 0) {
    const block = term.checkpoint.indexed?.number;
    const message = `indexed to block ${block}, ${events} ${events === 1 ? "event" : "events"}`;
    logger.info({ notice: state.caughtUp, block, events }, message);
  }
  await verifyNext(deps, state.verification);
  if (state.failing) logger.info("the chain answers again");
  state.failing = false;
  if (!state.caughtUp && (term.checkpoint.indexed?.number ?? -1) >= head.header.number) {
    state.caughtUp = true;
    options.onCaughtUp?.();
  }
  metrics.verifiedBlock.set(term.checkpoint.verifiedNumber);
}
