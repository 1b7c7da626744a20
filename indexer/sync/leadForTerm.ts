import type { Deployment } from "../../chain/deployment";
import type { IndexIdentity } from "../../projection/models";
import type { Activity } from "../activity";
import type { IndexerMetrics } from "../metrics";
import type { Source } from "../rpc/source";
import { createRegistryCollections } from "../../projection/models";
import { LeaseLostError, type Term } from "../write/term";
import { createFinality, isHardhat } from "./finality";
import { ChainResetError, contractsOf, differenceOf, resetError } from "./identify";
import type { IndexerDeps } from "./indexerDeps";
import { followChain } from "./loop";
import { renewLease } from "./renewLease";
import { startOver, type StartOverDeps } from "./startOver";

/** What is known of the chain when a term begins. */
export interface IdentifiedChain {
  source: Source;
  identity: IndexIdentity;
  deployment: Deployment;
}

/**
 * Leads for one term, while the lease is renewed; ends when the lease is lost or the process stops.
 *
 * @throws BootError when the index is of another chain and `reindexOnReset` is not set
 * @throws Error whatever else ended the term
 */
export async function leadForTerm(deps: IndexerDeps, chain: IdentifiedChain, term: Term): Promise<void> {
  const { logger, config, metrics, activity } = deps;
  const ended = new AbortController();
  const end = () => ended.abort();
  deps.stopping.addEventListener("abort", end, { once: true });
  const renewing = renewLease({ logger, leaseSeconds: config.indexer.leaseSeconds }, term, ended);
  Object.assign(activity, { role: "leading", problem: null } satisfies Activity);
  metrics.leading.set(1);
  metrics.term.set(term.number);
  setLeaseHolder(metrics, term.checkpoint.lease.holder ?? "");
  logger.info({ term: term.number, after: term.checkpoint.indexed?.number ?? null }, "leading");
  try {
    await followInTerm(deps, chain, term, ended.signal);
  } catch (error) {
    if (error instanceof LeaseLostError) logger.warn(error.message);
    else if (error instanceof ChainResetError && deps.reindexOnReset !== true) {
      throw resetError(error.message, chain.identity.deployment.blockNumber);
    } else throw error;
  } finally {
    activity.role = "starting";
    metrics.leading.set(0);
    ended.abort();
    deps.stopping.removeEventListener("abort", end);
    await renewing;
    // Best effort: a lease that cannot be released ends by itself.
    await term.release().catch((error: unknown) => logger.debug({ err: error }, "the lease was not released"));
  }
}

/** Shows in the metrics who holds the lease. */
export function setLeaseHolder({ leaseHolder }: IndexerMetrics, holder: string): void {
  leaseHolder.reset();
  if (holder !== "") leaseHolder.set({ holder }, 1);
}

async function followInTerm(
  deps: IndexerDeps,
  { source, identity, deployment }: IdentifiedChain,
  term: Term,
  stopping: AbortSignal,
): Promise<void> {
  const { config, metrics, logger, clock, terminal, onCrashPoint = () => undefined } = deps;
  const collections = createRegistryCollections(deps.mongo);
  await onCrashPoint("lease acquired");
  await startOverIfReset(deps, { collections, term, onCrashPoint }, identity);
  const finality = await createFinality(source, config.chain.confirmations);
  await followChain({
    source,
    term,
    collections,
    finality,
    fetch: { contracts: contractsOf(deployment), unlinked: await isHardhat(source) },
    metrics,
    logger,
    clock,
    terminal,
    onCrashPoint,
    pollMs: config.indexer.pollMs,
    stopping,
    onCaughtUp: () => deps.onReady?.(),
  });
}

/** @throws BootError when the index is of another chain and may not be started over */
async function startOverIfReset(
  { logger, reindexOnReset = false }: IndexerDeps,
  deps: StartOverDeps,
  identity: IndexIdentity,
): Promise<void> {
  const difference = differenceOf(deps.term.checkpoint, identity);
  if (difference === null) return;
  if (!reindexOnReset) throw resetError(difference, identity.deployment.blockNumber);
  logger.warn({ notice: true }, `${difference}; indexing it from the start`);
  await startOver(deps, identity);
}
