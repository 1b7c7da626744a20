import { hostname } from "node:os";
import { sleep } from "../../core/clock";
import { randomNonce } from "../../core/crypto";
import { BootError, messageOf } from "../../core/errors";
import { type CheckpointDocument, createRegistryCollections } from "../../projection/models";
import type { Activity } from "../activity";
import { createSource, type Source } from "../rpc/source";
import { createLease } from "../write/lease";
import { ChainResetError, identifyChain, isTransient, unknownChainError } from "./identify";
import type { IndexerDeps } from "./indexerDeps";
import { leadForTerm, setLeaseHolder } from "./leadForTerm";

interface LeaderState {
  holder: string;
  /** The leader that was logged last, and the error: each is logged once. */
  loggedLeader: string;
  loggedError: string;
}

const ATTEMPTS_PER_LEASE = 5;
const PAUSE_AFTER_ERROR_MS = 500;

/** A name for this process that no other has: where it runs, and something random. */
export function holderName(): string {
  return `${hostname()}:${process.pid}:${randomNonce().slice(0, 8)}`;
}

/**
 * Runs the indexer until `stopping` aborts: tries to acquire the lease, leads while it holds it, and tries again after
 * losing it or after an error.
 *
 * @throws BootError when the index is of another chain and `reindexOnReset` is not set
 */
export async function runIndexer(deps: IndexerDeps): Promise<void> {
  const { config, logger, stopping, metrics } = deps;
  const source = createSource({
    urls: config.chain.rpcUrls,
    timeoutMs: config.indexer.rpcTimeoutMs,
    metrics,
    logger,
    stopping,
  });
  const once: IndexerDeps = { ...deps, onReady: callOnce(() => deps.onReady?.()) };
  const state: LeaderState = { holder: holderName(), loggedLeader: "", loggedError: "" };
  try {
    while (!stopping.aborted) {
      try {
        await leadOrStandBy(once, source, state);
      } catch (error) {
        if (error instanceof ChainResetError && deps.reindexOnReset !== true) throw unknownChainError(error);
        if (error instanceof BootError && deps.reindexOnReset !== true) throw error;
        const message = `${isTransient(error) ? "waiting for the chain" : "starting anew"}: ${messageOf(error)}`;
        Object.assign(deps.activity, { role: "starting", problem: message } satisfies Activity);
        if (message !== state.loggedError) logger.warn({ err: error }, message);
        state.loggedError = message;
        await sleep(PAUSE_AFTER_ERROR_MS, stopping);
      }
    }
  } finally {
    metrics.leading.set(0);
    source.close();
  }
}

/** Leads for a term when the lease is free; otherwise reports who leads and waits before the next attempt. */
async function leadOrStandBy(deps: IndexerDeps, source: Source, state: LeaderState): Promise<void> {
  const { config, mongo, clock, stopping } = deps;
  const { leaseSeconds } = config.indexer;
  const deployment = deps.readDeployment();
  const identity = await identifyChain(source, deployment);
  const collections = createRegistryCollections(mongo);
  const lease = createLease({ collections, identity, holder: state.holder, leaseSeconds, clock });
  const term = await lease.acquire();
  if (term === null) {
    const checkpoint = await lease.read();
    reportLeader(deps, checkpoint?.lease.holder ?? "", state);
    if (isCaughtUp(checkpoint)) deps.onReady?.();
    await sleep((leaseSeconds * 1000) / ATTEMPTS_PER_LEASE, stopping);
    return;
  }
  state.loggedLeader = "";
  state.loggedError = "";
  await leadForTerm(deps, { source, identity, deployment }, term);
}

function reportLeader({ logger, metrics, activity }: IndexerDeps, leader: string, state: LeaderState): void {
  Object.assign(activity, { role: "standing by", problem: null } satisfies Activity);
  if (leader !== state.loggedLeader) {
    logger.info({ notice: true, leader }, `another indexer leads, ${leader}; this one stands by`);
  }
  setLeaseHolder(metrics, leader);
  state.loggedLeader = leader;
}

/** Whether the index is as new as the chain, as far as its leader has seen. */
function isCaughtUp(checkpoint: CheckpointDocument | null): boolean {
  if (!checkpoint?.indexed || !checkpoint.head) return false;
  return checkpoint.indexed.number >= checkpoint.head.number;
}

function callOnce(callback: () => void): () => void {
  let called = false;
  return () => {
    if (!called) callback();
    called = true;
  };
}
