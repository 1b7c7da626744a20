import { loadDeployment } from "../../chain/deployment";
import { monotonicMs, systemClock } from "../../core/clock";
import { DomainError } from "../../core/errors";
import { type BlockRef, createRegistryCollections } from "../../projection/models";
import { headerAt } from "../rpc/headers";
import { RpcError } from "../rpc/rpcError";
import type { Source } from "../rpc/source";
import { createFinality, isHardhat } from "../sync/finality";
import { createFollowState, followTo } from "../sync/follow";
import type { BranchDeps } from "../sync/followBranch";
import { contractsOf, differenceOf, identifyChain, resetError } from "../sync/identify";
import { startOver } from "../sync/startOver";
import type { Term } from "../write/term";
import { createProjectionWriter } from "../write/writer";
import type { CommandDeps } from "./commandDeps";
import { count } from "./wording";

/**
 * Drops everything from a block on and indexes it again.
 *
 * @returns the exit code 0
 * @throws BootError when the index is of another chain
 * @throws DomainError `index.not_indexed` when the index does not reach the block
 */
export async function reindex(deps: CommandDeps, term: Term, fromBlock: number): Promise<number> {
  const { mongo, source, config, print } = deps;
  const deployment = loadDeployment(config.chain);
  const identity = await identifyChain(source, deployment);
  const writing = {
    collections: createRegistryCollections(mongo),
    term,
    onCrashPoint: () => undefined,
  };
  const writer = createProjectionWriter(writing);
  const following: BranchDeps = {
    ...deps,
    ...writing,
    writer,
    clock: systemClock,
    terminal: process.stderr,
    finality: await createFinality(source, config.chain.confirmations),
    fetch: { contracts: contractsOf(deployment), unlinked: await isHardhat(source) },
  };
  const state = createFollowState();
  const catchUp = async () => followTo(following, state, { header: await source.head(), seenAtMs: monotonicMs() });

  if (fromBlock <= identity.deployment.blockNumber) {
    await startOver(writing, identity);
  } else {
    const difference = differenceOf(term.checkpoint, identity);
    if (difference !== null) throw resetError(difference, identity.deployment.blockNumber);
    await writer.recover();
    // On the chain's present branch first: what lies below `fromBlock` stays, so it must be of this branch.
    await catchUp();
    await writer.rewind(await blockBefore(fromBlock, source, term.checkpoint.indexed));
  }
  const events = await catchUp();
  const from = Math.max(fromBlock, identity.deployment.blockNumber);
  print(`indexed blocks ${from} to ${term.checkpoint.indexed?.number ?? "none"} again: ${count(events, "event")}`);
  return 0;
}

/**
 * The block up to which the index stays, which must be of the indexed branch.
 *
 * @throws DomainError `index.not_indexed` when the index does not reach `fromBlock`
 */
async function blockBefore(fromBlock: number, source: Source, indexed: BlockRef | null): Promise<BlockRef> {
  if (indexed === null || fromBlock > indexed.number) {
    const end = indexed === null ? "is empty" : `ends with block ${indexed.number}`;
    const message = `There is no block ${fromBlock} to index again: the index ${end}. Nothing was dropped.`;
    throw new DomainError("index.not_indexed", "invalid", message);
  }
  return source.ask(`block ${fromBlock - 1}`, async (endpoint) => {
    const { number, hash, minedAt } = await headerAt(endpoint, fromBlock - 1);
    const last = await headerAt(endpoint, indexed.number);
    if (last.hash !== indexed.hash) throw new RpcError("inconsistent", "the node is on another branch than the index");
    return { number, hash, minedAt };
  });
}
