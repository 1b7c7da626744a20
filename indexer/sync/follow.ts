import { monotonicMs } from "../../core/clock";
import { TransientError } from "../../core/errors";
import { BrokenLinkError } from "../fetch/links";
import type { Header } from "../rpc/block";
import type { NewHead } from "../rpc/headFeed";
import { advanceByBackfill, advanceByBlock, advanceByGap } from "./advance";
import { recordHead } from "./recordHead";
import { type BranchDeps, type BranchState, compareAndFollow } from "./followBranch";

/** Up to so many missing blocks are fetched in one go; more are backfilled. */
const SHORT_GAP_BLOCKS = 200;
/** After so many tries in which every endpoint contradicted itself, a block is indexed as it is and marked as incomplete. */
const TRIES_BEFORE_INCOMPLETE = 2;

export interface FollowState extends BranchState {
  /** Tries in a row in which every endpoint contradicted itself. */
  contradictions: number;
}

export function createFollowState(): FollowState {
  return { contradictions: 0, loggedStaleHead: -1 };
}

/**
 * Indexes everything up to a block of the chain, by whichever way fits: the block alone, the gap before it, a long
 * backfill, or another branch.
 *
 * @returns how many events were written
 * @throws LeaseLostError
 * @throws ChainResetError when the chain is no longer the one that is indexed
 * @throws TransientError when no endpoint gives what is needed; the same call may succeed later
 */
export async function followTo(deps: BranchDeps, state: FollowState, head: NewHead): Promise<number> {
  const { metrics, term } = deps;
  metrics.headBlock.set(head.header.number);
  let events: number;
  try {
    events = await advanceTo(deps, state, head.header);
    state.contradictions = 0;
  } catch (error) {
    if (error instanceof TransientError && error.code === "rpc.inconsistent") state.contradictions += 1;
    throw error;
  }
  if ((term.checkpoint.indexed?.number ?? -1) >= head.header.number) {
    metrics.visibleSeconds.observe((monotonicMs() - head.seenAtMs) / 1000);
  }
  return events;
}

async function advanceTo(deps: BranchDeps, state: FollowState, header: Header): Promise<number> {
  const { indexed, deployment } = deps.term.checkpoint;
  const next = (indexed?.number ?? deployment.blockNumber - 1) + 1;
  if (header.number < next) {
    if (indexed?.hash !== header.hash) return compareAndFollow(deps, state);
    await recordHead(deps, indexed);
    return 0;
  }
  try {
    if (header.number === next && header.parentHash === indexed?.hash) return await advanceByBlock(deps, header);
    if (header.number - next >= SHORT_GAP_BLOCKS) return await advanceByBackfill(deps, next, header);
    const acceptIncomplete = state.contradictions >= TRIES_BEFORE_INCOMPLETE;
    return await advanceByGap(deps, { from: next, head: header, acceptIncomplete });
  } catch (error) {
    if (!(error instanceof BrokenLinkError)) throw error;
    deps.logger.debug({ err: error }, "comparing chains");
    return compareAndFollow(deps, state);
  }
}
