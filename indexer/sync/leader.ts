import { hostname } from "node:os";
import { type Clock, sleep } from "../../core/clock";
import type { Config } from "../../core/config/config";
import { randomNonce } from "../../core/crypto";
import type { Deployment } from "../../chain/deployment";
import { BootError, messageOf } from "../../core/errors";
import type { Logger } from "../../core/logger";
import type { Mongo } from "../../core/mongo";
import { createRegistryCollections } from "../../projection/models";
import { LeaseLostError, type Term } from "../write/term";
import type { IndexIdentity } from "../../projection/models";
import { createLease, type Lease } from "../write/lease";
import { isHardhat, createFinality } from "./finality";
import { ChainResetError, contractsOf, differenceOf, identifyChain, resetRefusal, unknownChain } from "./identify";
import { lead } from "./loop";
import type { IndexerMetrics } from "../metrics";
import type { Terminal } from "./progress";
import { createProjectionWriter } from "../write/writer";
import { createSource, type Source } from "../rpc/source";
import type { CrashPointHook } from "../write/crashPoints";

/** What one indexer process is made of. */
export interface IndexerParts {
  mongo: Mongo;
  config: Pick<Config, "chain" | "indexer">;
  /** Reads where the contracts are; asked again after a reset of the chain. */
  readDeployment(): Deployment;
  clock: Clock;
  logger: Logger;
  metrics: IndexerMetrics;
  terminal: Terminal;
  stopping: AbortSignal;
  onCrashPoint?: CrashPointHook;
  /** Start over by itself when the chain was reset, as on a developer's machine. */
  reindexOnReset?: boolean;
  /** Called once, when this process leads and has caught up, or stands by for another that leads. */
  onReady?(): void;
}

const CAMPAIGNS_PER_LEASE = 5;
const PAUSE_AFTER_FAULT_MS = 500;

/** A name for this process that no other has: where it runs, and something random. */
export function holderName(): string {
  return `${hostname()}:${process.pid}:${randomNonce().slice(0, 8)}`;
}

/**
 * Runs the indexer until it is told to stop: competes for the lease, leads while it holds it, and competes again after
 * losing it or after a fault.
 *
 * @throws BootError when the index is of another chain and `reindexOnReset` is not set
 */
export async function runIndexer(parts: IndexerParts): Promise<void> {
  const { config, logger, stopping, metrics } = parts;
  const source = createSource({
    urls: config.chain.rpcUrls,
    timeoutMs: config.indexer.rpcTimeoutMs,
    metrics,
    logger,
    stopping,
  });
  let ready = false;
  const onReady = () => {
    if (!ready) parts.onReady?.();
    ready = true;
  };
  let waitingFor = "";
  let said = "";
  const holder = holderName();
  try {
    while (!stopping.aborted) {
      try {
        const deployment = parts.readDeployment();
        const identity = await identifyChain(source, deployment);
        const { leaseSeconds } = config.indexer;
        const collections = createRegistryCollections(parts.mongo);
        const lease = createLease({ collections, identity, holder, leaseSeconds, clock: parts.clock });
        const term = await lease.acquire();
        if (term === null) {
          await reportLeader(lease);
          onReady();
          await sleep((leaseSeconds * 1000) / CAMPAIGNS_PER_LEASE, stopping);
          continue;
        }
        waitingFor = "";
        said = "";
        await leadForTerm(term, { ...parts, source, identity, deployment, onReady });
      } catch (error) {
        const mayMend = parts.reindexOnReset === true;
        if (error instanceof ChainResetError && !mayMend) throw unknownChain(error);
        if (error instanceof BootError && !mayMend) throw error;
        const problem = messageOf(error);
        if (problem !== said) logger.warn({ err: error }, `starting anew: ${problem}`);
        said = problem;
        await sleep(PAUSE_AFTER_FAULT_MS, stopping);
      }
    }
  } finally {
    metrics.leading.set(0);
    source.close();
  }

  async function reportLeader(lease: Lease): Promise<void> {
    const leader = (await lease.read())?.lease.holder ?? "";
    if (leader !== waitingFor) logger.info({ leader }, "another indexer leads; standing by");
    nameHolder(metrics, leader);
    waitingFor = leader;
  }
}

interface TermDeps extends IndexerParts {
  source: Source;
  identity: IndexIdentity;
  deployment: Deployment;
}

/** Leads for one term, with the lease renewed beside it; ends when the lease is lost, the process stops, or by a fault. */
async function leadForTerm(term: Term, parts: TermDeps): Promise<void> {
  const { logger, config, metrics, clock } = parts;
  const ended = new AbortController();
  const end = () => ended.abort();
  parts.stopping.addEventListener("abort", end, { once: true });
  const renewing = keepLease(term, config.indexer.leaseSeconds, ended, logger);
  metrics.leading.set(1);
  nameHolder(metrics, term.checkpoint.lease.holder ?? "");
  metrics.term.set(term.number);
  logger.info({ term: term.number, after: term.checkpoint.indexed?.number ?? null }, "leading");
  const onCrashPoint: CrashPointHook = parts.onCrashPoint ?? (() => undefined);
  try {
    await onCrashPoint("lease acquired");
    const collections = createRegistryCollections(parts.mongo);
    await startOverIfReset(term, { ...parts, onCrashPoint });
    const finality = await createFinality(parts.source, config.chain.confirmations);
    await lead({
      term,
      source: parts.source,
      collections,
      finality,
      fetch: { contracts: contractsOf(parts.deployment), unlinked: await isHardhat(parts.source) },
      metrics,
      logger,
      clock,
      terminal: parts.terminal,
      onCrashPoint,
      pollMs: config.indexer.pollMs,
      stopping: ended.signal,
      ...(parts.onReady && { onCaughtUp: parts.onReady }),
    });
  } catch (error) {
    if (error instanceof LeaseLostError) logger.warn(error.message);
    else if (error instanceof ChainResetError && !parts.reindexOnReset) {
      throw resetRefusal(error.message, parts.identity.deployment.blockNumber);
    } else throw error;
  } finally {
    metrics.leading.set(0);
    ended.abort();
    parts.stopping.removeEventListener("abort", end);
    await renewing;
    // Best effort: a lease that cannot be given back ends by itself.
    await term.release().catch((error: unknown) => logger.debug({ err: error }, "the lease was not given back"));
  }
}

function nameHolder({ leaseHolder }: IndexerMetrics, holder: string): void {
  leaseHolder.reset();
  if (holder !== "") leaseHolder.set({ holder }, 1);
}

/** Renews a lease until `ended` aborts, and aborts it when another process has taken the lease. */
export async function keepLease(
  term: Term,
  leaseSeconds: number,
  ended: AbortController,
  logger: Logger,
): Promise<void> {
  const isOver = () => ended.signal.aborted;
  while (!isOver()) {
    await sleep((leaseSeconds * 1000) / 3, ended.signal);
    if (isOver()) return;
    try {
      await term.renew();
    } catch (error) {
      if (error instanceof LeaseLostError) {
        logger.warn(error.message);
        ended.abort();
        return;
      }
      logger.warn({ err: error }, "the lease could not be renewed; trying again");
    }
  }
}

/** @throws BootError when the index is of another chain and may not be started over */
async function startOverIfReset(term: Term, parts: TermDeps & { onCrashPoint: CrashPointHook }): Promise<void> {
  const difference = differenceOf(term.checkpoint, parts.identity);
  if (difference === null) return;
  if (!parts.reindexOnReset) throw resetRefusal(difference, parts.identity.deployment.blockNumber);
  parts.logger.warn({ notice: true }, `${difference}; indexing it from the start`);
  await startOver(term, parts);
}

/** Empties the index and makes it one of the chain as it is now. @throws LeaseLostError */
export async function startOver(
  term: Term,
  { mongo, identity, onCrashPoint }: { mongo: Mongo; identity: IndexIdentity; onCrashPoint: CrashPointHook },
): Promise<void> {
  const writer = createProjectionWriter({ collections: createRegistryCollections(mongo), term, onCrashPoint });
  await writer.rewind(null);
  await term.write({ ...identity, head: null, finalizedNumber: -1, verifiedNumber: -1, incompleteBlocks: [] });
  await onCrashPoint("index emptied");
}
