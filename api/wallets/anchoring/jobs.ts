import type { Redis } from "ioredis";
import { addSeconds, type Clock } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import type { DeadLetterStore } from "../../../core/jobs/deadLetters";
import type { Logger } from "../../../core/logger";
import { type JobQueue, createQueue, processQueue } from "../../../core/jobs/queue";
import { startSweeper } from "../../../core/jobs/sweeper";
import { readIdentity } from "../../../chain/registry/identity";
import { type AnchorParts, type AnchoringJob, anchorWallet, exhaustedFault } from "./actions";
import type { Anchoring, IndexedRegistration } from "./rules";
import type { Wallet, WalletStore } from "../store";

const QUEUE = "anchoring";

/** About 40 minutes with the longest pause below: what outlasts that, a person has to look at. */
const ATTEMPTS = 45;
const MAX_DELAY_MS = 60_000;

/** Wallets looked at in one sweep. */
const SWEEP_LIMIT = 500;

export type AnchoringQueue = JobQueue<AnchoringJob>;

/** Opens the producing side of the queue. */
export function openAnchoringQueue(options: { redis: Redis; prefix: string }): AnchoringQueue {
  return createQueue<AnchoringJob>({ ...options, name: QUEUE, attempts: ATTEMPTS, maxDelayMs: MAX_DELAY_MS });
}

/** Asks a worker to anchor a wallet's DID; asking twice for one request is harmless. */
export async function enqueueAnchoring(
  queue: AnchoringQueue,
  { walletAddress, anchoring }: Pick<Wallet, "walletAddress" | "anchoring">,
  requestId?: string,
): Promise<void> {
  const job = { walletAddress, anchoringId: anchoring.id };
  await queue.enqueue(`anchor-${walletAddress}-${anchoring.id}`, job, requestId === undefined ? {} : { requestId });
}

/**
 * Makes what begins a request anew with the signature at hand, once however often it is asked: see OutcomeParts.
 */
export function repeatAnchoring(parts: { wallets: WalletStore; queue: AnchoringQueue; clock: Clock }) {
  return async (walletAddress: string, anchoringId: string): Promise<void> => {
    const wallet = await parts.wallets.find(walletAddress);
    if (wallet?.anchoring.id !== anchoringId) return;
    const { registration } = wallet.anchoring;
    const status = registration === null ? "awaiting_signature" : "queued";
    const next: Anchoring = {
      ...{ id: randomId(), status, registration, transactionHashes: [], blockNumber: null, fault: null },
      updatedAt: parts.clock.now(),
    };
    const begun = await parts.wallets.requestAnchoring(walletAddress, anchoringId, next);
    if (begun && status === "queued") await enqueueAnchoring(parts.queue, { walletAddress, anchoring: next });
  };
}

export interface AnchoringWorkerOptions extends AnchorParts {
  redis: Redis;
  prefix: string;
  concurrency: number;
  deadLetters: DeadLetterStore;
  queue: AnchoringQueue;
  clock: Clock;
  logger: Logger;
  /** What the index saw of a DID's registration; `finalized` once no reorg can take it back. */
  indexedRegistration(walletAddress: string): Promise<(IndexedRegistration & { finalized: boolean }) | null>;
  /** How often to look for wallets whose job is gone, and how long they must have waited for it. */
  sweepSeconds: number;
  /** How long a mined registration may stay unseen by the index before the registry is asked about it. */
  unseenSeconds: number;
}

/** A running worker of the queue. */
export interface AnchoringWorker {
  /** One look for what was left behind. */
  sweep(): Promise<SweepReport>;
  close(deadlineMs: number): Promise<void>;
}

/** What a sweep found and moved on. */
export interface SweepReport {
  requeued: number;
  anchored: number;
  repeated: number;
}

/** Works on the queue and, so that Redis may lose everything, sweeps up what has no job. */
export function startAnchoringWorker(options: AnchoringWorkerOptions): AnchoringWorker {
  const { wallets, clock, logger } = options;
  const processor = processQueue<AnchoringJob>({
    ...{ name: QUEUE, redis: options.redis, prefix: options.prefix, attempts: ATTEMPTS, maxDelayMs: MAX_DELAY_MS },
    ...{ concurrency: options.concurrency, deadLetters: options.deadLetters, clock, logger },
    process: (job) => anchorWallet(options, job),
    onExhausted: (job, error) =>
      wallets.noteFailed(job.walletAddress, job.anchoringId, exhaustedFault(error), clock.now()),
  });
  const sweeper = startSweeper({
    what: "waiting wallets",
    everyMs: options.sweepSeconds * 1000,
    logger,
    async sweep() {
      const report = await sweep();
      if (report.requeued + report.repeated > 0) logger.info(report, "wallets without a job were queued again");
    },
  });

  async function sweep(): Promise<SweepReport> {
    const now = clock.now();
    const report = { requeued: 0, anchored: 0, repeated: 0 };
    for (const wallet of await wallets.waitingSince("queued", addSeconds(now, -options.sweepSeconds), SWEEP_LIMIT)) {
      await enqueueAnchoring(options.queue, wallet);
      report.requeued += 1;
    }
    for (const wallet of await wallets.waitingSince("mined", addSeconds(now, -options.sweepSeconds), SWEEP_LIMIT)) {
      const indexed = await options.indexedRegistration(wallet.walletAddress);
      if (indexed?.finalized === true) {
        await wallets.noteAnchored(wallet.walletAddress, now);
        report.anchored += 1;
      } else if (indexed === null && wallet.anchoring.updatedAt < addSeconds(now, -options.unseenSeconds)) {
        report.repeated += await repeatUnlessRegistered(wallet);
      }
    }
    return report;
  }

  /** A reorg may have taken the registration out of the chain for good. */
  async function repeatUnlessRegistered({ walletAddress, anchoring }: Wallet): Promise<number> {
    if ((await readIdentity(options.chain, walletAddress)).registered) return 0;
    await options.repeat(walletAddress, anchoring.id);
    return 1;
  }

  return {
    sweep,
    async close(deadlineMs) {
      await Promise.all([sweeper.close(), processor.close(deadlineMs)]);
    },
  };
}
