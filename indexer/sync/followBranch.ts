import type { BlockRef, RegistryCollections } from "../../projection/models";
import type { Endpoint } from "../rpc/endpoint";
import { RpcError } from "../rpc/rpcError";
import type { AdvanceDeps } from "./advance";
import { recordHead } from "./recordHead";
import { compareChains, isContradicted, type Reorg } from "./reorg";
import { writeRange } from "./writeBlocks";

export interface BranchDeps extends AdvanceDeps {
  collections: RegistryCollections;
}

export interface BranchState {
  /** The newest block of the stale node that was logged last, so that it is logged once. */
  loggedStaleHead: number;
}

/**
 * Finds out why a node's chain does not follow the cursor, and follows it when it is a reorg: the index is set back to
 * the common ancestor, and the new branch is written.
 *
 * @returns how many events were written
 * @throws LeaseLostError
 * @throws ChainResetError when the chain is no longer the one that is indexed
 * @throws TransientError
 */
export async function compareAndFollow(deps: BranchDeps, state: BranchState): Promise<number> {
  const { source, term, collections, fetch } = deps;
  const { endpoint, comparison } = await source.ask("how its chain compares", async (endpoint) => ({
    endpoint,
    comparison: await compareChains(endpoint, { collections, checkpoint: term.checkpoint, fetch }),
  }));
  const { indexed } = term.checkpoint;
  if (comparison.kind === "same" || indexed === null) return 0;
  if (comparison.kind === "stale") {
    demoteStale(deps, state, { endpoint, head: comparison.head, indexed });
    await recordLowHead(deps, indexed);
    return 0;
  }
  const branchHead = comparison.branch.headers.at(-1);
  if (branchHead === undefined) return 0;
  if (await isContradicted(source, endpoint, indexed, branchHead.number)) {
    source.demote(endpoint, new RpcError("inconsistent", "the node is on a branch that others have left"));
    return 0;
  }
  return followReorg(deps, comparison, { indexed, branchHead });
}

function demoteStale(
  { source, logger }: BranchDeps,
  state: BranchState,
  { endpoint, head, indexed }: { endpoint: Endpoint; head: number; indexed: BlockRef },
): void {
  const reason = new RpcError("behind", `the node is at block ${head}, the index at ${indexed.number}`);
  source.demote(endpoint, reason);
  if (state.loggedStaleHead === head) return;
  logger.info({ endpoint: endpoint.label, reason: reason.message }, "stale node");
  state.loggedStaleHead = head;
}

/** Records a newest block below the index, where no endpoint knows a newer one, so that readers learn of it. */
async function recordLowHead(deps: BranchDeps, indexed: BlockRef): Promise<void> {
  const highest = await deps.source.highestHead();
  if (highest.number < indexed.number) await recordHead(deps, highest);
}

async function followReorg(
  deps: BranchDeps,
  { ancestor, branch }: Reorg,
  { indexed, branchHead }: { indexed: BlockRef; branchHead: BlockRef },
): Promise<number> {
  const { writer, term, metrics, logger } = deps;
  const { deployment, finalizedNumber } = term.checkpoint;
  const depth = indexed.number - (ancestor?.number ?? deployment.blockNumber - 1);
  const finalized = (ancestor?.number ?? -1) < finalizedNumber;
  const facts = { depth, ancestor: ancestor?.number, dropped: indexed.hash, branchHead: branchHead.hash, finalized };
  logger[finalized ? "error" : "warn"](facts, "the chain was reorganised");
  metrics.reorgs.inc();
  metrics.reorgDepth.observe(depth);
  await writer.rewind(ancestor);
  return writeRange(deps, branch, branchHead);
}
