import { readIdentity } from "../../../chain/registry/identity";
import { addSeconds, type Clock } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import { createQueue, type JobQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../../core/jobs/worker";
import { type AnchorParts, type AnchoringJob, anchorWallet, exhaustedFault } from "./actions";
import type { Anchoring, IndexedRegistration } from "./rules";
import type { Wallet, WalletStore } from "../store";

/** 45 tries take about 40 minutes: what outlasts that, a person has to look at. */
const QUEUE: QueueDefinition = { name: "anchoring", attempts: 45, maxDelayMs: 60_000 };

/** Wallets read in one sweep. */
const SWEEP_LIMIT = 500;

export type AnchoringQueue = JobQueue<AnchoringJob>;

/** Creates the producing side of the queue. */
export function createAnchoringQueue(jobs: Pick<JobRuntime, "redis" | "prefix">): AnchoringQueue {
  return createQueue<AnchoringJob>({ ...jobs, ...QUEUE });
}

/** Asks a worker to anchor a wallet's DID; asking twice for one request is harmless. */
export async function enqueueAnchoring(
  queue: AnchoringQueue,
  { walletAddress, anchoring }: Pick<Wallet, "walletAddress" | "anchoring">,
  requestId?: string,
): Promise<void> {
  const job = { walletAddress, anchoringId: anchoring.id };
  await queue.enqueue(`anchor-${walletAddress}-${anchoring.id}`, job, { requestId });
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
  jobs: JobRuntime;
  queue: AnchoringQueue;
  concurrency: number;
  /** What the index saw of a DID's registration; `finalized` once no reorg can take it back. */
  indexedRegistration(walletAddress: string): Promise<(IndexedRegistration & { finalized: boolean }) | null>;
  /** How often to look for wallets whose job is gone, and how long they must have waited for it. */
  sweepSeconds: number;
  /** How long a mined registration may stay unseen by the index before the registry is asked about it. */
  unseenSeconds: number;
}

/** Starts the worker that anchors wallets. */
export function startAnchoringWorker(options: AnchoringWorkerOptions): RunningWorker {
  const { jobs, wallets, clock } = options;
  return startWorker<AnchoringJob>(jobs, {
    queue: QUEUE,
    concurrency: options.concurrency,
    process: (job) => anchorWallet(options, job),
    onExhausted: (job, error) =>
      wallets.noteFailed(job.walletAddress, job.anchoringId, exhaustedFault(error), clock.now()),
    sweep: {
      everyMs: options.sweepSeconds * 1000,
      async run() {
        const report = await sweepWallets(options);
        if (report.requeued + report.repeated > 0) jobs.logger.info(report, "wallets without a job were queued again");
      },
    },
  });
}

/** How many wallets a sweep moved on. */
export interface SweepReport {
  requeued: number;
  anchored: number;
  repeated: number;
}

/** Queues wallets whose job is gone, and compares with the index and the registry those whose registration is mined. */
export async function sweepWallets(
  options: Omit<AnchoringWorkerOptions, "jobs" | "concurrency">,
): Promise<SweepReport> {
  const { wallets, clock } = options;
  const now = clock.now();
  const before = addSeconds(now, -options.sweepSeconds);
  const report = { requeued: 0, anchored: 0, repeated: 0 };
  for (const wallet of await wallets.waitingSince("queued", before, SWEEP_LIMIT)) {
    await enqueueAnchoring(options.queue, wallet);
    report.requeued += 1;
  }
  for (const wallet of await wallets.waitingSince("mined", before, SWEEP_LIMIT)) {
    const indexed = await options.indexedRegistration(wallet.walletAddress);
    if (indexed?.finalized === true) {
      await wallets.noteAnchored(wallet.walletAddress, now);
      report.anchored += 1;
    } else if (indexed === null && wallet.anchoring.updatedAt < addSeconds(now, -options.unseenSeconds)) {
      report.repeated += await repeatUnlessRegistered(options, wallet);
    }
  }
  return report;
}

/** A reorg may have taken the registration out of the chain for good. */
async function repeatUnlessRegistered(
  { chain, repeat }: Pick<AnchorParts, "chain" | "repeat">,
  { walletAddress, anchoring }: Wallet,
): Promise<number> {
  if ((await readIdentity(chain, walletAddress)).registered) return 0;
  await repeat(walletAddress, anchoring.id);
  return 1;
}
