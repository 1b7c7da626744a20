import { blockOf, positionOf } from "../../chain/registry/position";
import { type BlockRef, type CheckpointDocument, countsIn, type RegistryCollections } from "../../projection/models";
import type { Endpoint } from "../rpc/endpoint";
import type { BlockRange, FetchOptions } from "../fetch/blockRange";
import { fetchRange } from "../fetch/fetchRange";
import { ChainResetError } from "./identify";
import { requireLink } from "../fetch/links";
import { headerAt } from "../rpc/headers";
import type { Source } from "../rpc/source";

/** How a node's chain compares with the indexed one. */
export type Comparison =
  /** The node knows less of the same chain: it lags, or was restarted. */
  | { kind: "stale"; head: number }
  /** The node's chain holds the last indexed block. */
  | { kind: "same" }
  | Reorg;

/** Another chain of parents from `ancestor` on (null: from the first indexed block on), and its blocks, checked. */
export interface Reorg {
  kind: "reorg";
  ancestor: BlockRef | null;
  branch: BlockRange;
}

/** Most blocks of a new branch that are fetched before the old one is dropped; the rest follows by the usual way. */
const MAX_BRANCH = 500;

interface CompareDeps {
  collections: Pick<RegistryCollections, "blocks" | "events">;
  checkpoint: CheckpointDocument;
  fetch: FetchOptions;
}

/**
 * Finds out why a node's chain does not follow the last indexed block. Nothing is dropped here: the new branch comes
 * back fetched and checked, so that it is known to exist before the old one goes.
 *
 * @throws ChainResetError when not even the block of the deployment is on the node's chain
 * @throws RpcError
 */
export async function compareChains(endpoint: Endpoint, deps: CompareDeps): Promise<Comparison> {
  const { checkpoint } = deps;
  const { indexed } = checkpoint;
  if (indexed === null) return { kind: "same" };
  const head = await headerAt(endpoint, "latest");
  if (head.number >= indexed.number && (await headerAt(endpoint, indexed.number)).hash === indexed.hash) {
    return { kind: "same" };
  }
  const known = await retainedBlocks(deps, Math.min(head.number, indexed.number));
  const isShared = async (block: { number: number; hash: string }) =>
    (await headerAt(endpoint, block.number)).hash === block.hash;
  // Only a block that contradicts ours makes another chain; knowing fewer blocks does not.
  if (head.number < indexed.number) {
    const newest = known.at(-1) ?? (await newestBeyondRetained(deps, head.number));
    if (await isShared(newest)) return { kind: "stale", head: head.number };
  }
  const ancestor = (await lastShared(known, isShared)) ?? (await lastSharedEvent(deps, head.number, isShared));
  if (ancestor === null) await requireDeployment(endpoint, checkpoint);
  const from = ancestor === null ? checkpoint.deployment.blockNumber : ancestor.number + 1;
  const to = Math.min(head.number, from + MAX_BRANCH - 1);
  if (to < from) return { kind: "stale", head: head.number };
  const branch = await fetchRange(endpoint, from, to, deps.fetch);
  await requireLink(endpoint, ancestor, branch.headers[0], deps.fetch.unlinked ?? false);
  return { kind: "reorg", ancestor, branch };
}

/** The retained blocks up to a number, in order. */
async function retainedBlocks({ collections, checkpoint }: CompareDeps, upTo: number): Promise<BlockRef[]> {
  const stored = await collections.blocks
    .find({ number: { $lte: upTo } })
    .sort({ number: 1 })
    .toArray();
  return stored.filter(({ term, number }) => countsIn(checkpoint, term, number));
}

/** The last of these blocks that the node has too. No block after one that is not shared is shared, so halving finds it. */
async function lastShared(
  blocks: BlockRef[],
  isShared: (block: BlockRef) => Promise<boolean>,
): Promise<BlockRef | null> {
  let found = -1;
  let low = 0;
  let high = blocks.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const block = blocks[middle];
    if (block !== undefined && (await isShared(block))) {
      found = middle;
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  const block = blocks[found];
  return block ? { number: block.number, hash: block.hash, minedAt: block.minedAt } : null;
}

/**
 * Beyond the retained blocks, the indexed events still name their blocks: the last of those that the node has too.
 * Blocks between that one and the true ancestor have no events of the registries.
 */
async function lastSharedEvent(
  { collections, checkpoint }: CompareDeps,
  headNumber: number,
  isShared: (block: BlockRef) => Promise<boolean>,
): Promise<BlockRef | null> {
  let found: BlockRef | null = null;
  let low = checkpoint.deployment.blockNumber;
  let high = headNumber;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const block = await lastEventBlock({ collections, checkpoint }, low, middle);
    if (block === null) {
      low = middle + 1;
    } else if (await isShared(block)) {
      found = block;
      low = middle + 1;
    } else {
      high = block.number - 1;
    }
  }
  return found;
}

/** Where no block up to a number is retained: the last event's block, that of the deployment, or the chain's first. */
async function newestBeyondRetained(deps: CompareDeps, upTo: number): Promise<{ number: number; hash: string }> {
  const { deployment, genesisHash } = deps.checkpoint;
  if (upTo < deployment.blockNumber) return { number: 0, hash: genesisHash };
  const event = await lastEventBlock(deps, deployment.blockNumber, upTo);
  return event ?? { number: deployment.blockNumber, hash: deployment.blockHash };
}

async function lastEventBlock(
  { collections, checkpoint }: Omit<CompareDeps, "fetch">,
  from: number,
  to: number,
): Promise<BlockRef | null> {
  const filter = { position: { $gte: positionOf(from, 0), $lt: positionOf(to + 1, 0) } };
  for await (const event of collections.events.find(filter).sort({ position: -1 })) {
    if (!countsIn(checkpoint, event.term, blockOf(event.position))) continue;
    return { number: event.blockNumber, hash: event.blockHash, minedAt: event.minedAt };
  }
  return null;
}

async function requireDeployment(endpoint: Endpoint, { deployment, genesisHash }: CheckpointDocument): Promise<void> {
  const genesis = await headerAt(endpoint, 0);
  if (genesis.hash !== genesisHash) throw new ChainResetError("the chain was reset: its first block is another");
  const start = await headerAt(endpoint, deployment.blockNumber);
  if (start.hash !== deployment.blockHash) {
    throw new ChainResetError("the chain was reset: not even the block of the deployment is on it any more");
  }
}

/**
 * Whether another endpoint still has the last indexed block: then a branch that is not longer than the indexed one is
 * that of a node that was left behind, not the chain's.
 */
export async function isContradicted(
  source: Source,
  endpoint: Endpoint,
  indexed: BlockRef,
  branchHead: number,
): Promise<boolean> {
  if (branchHead > indexed.number) return false;
  const others = source.endpoints.filter((other) => other !== endpoint);
  const answers = await Promise.allSettled(others.map((other) => headerAt(other, indexed.number)));
  return answers.some((answer) => answer.status === "fulfilled" && answer.value.hash === indexed.hash);
}
