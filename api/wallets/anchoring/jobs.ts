import { createQueue, type JobQueue, type QueueConnection, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../../core/jobs/worker";
import type { Wallet } from "../rules";
import { type AnchorDeps, type AnchoringJob, anchorWallet, type SweepDeps, sweepWallets } from "./actions";
import { exhaustedError } from "./rules";

/** 45 tries take about 40 minutes: after that a person has to act. */
const QUEUE: QueueDefinition = { name: "anchoring", attempts: 45, maxDelayMs: 60_000 };

export type AnchoringQueue = JobQueue<AnchoringJob>;

/** Creates the producing side of the queue. */
export function createAnchoringQueue(jobs: QueueConnection): AnchoringQueue {
  return createQueue<AnchoringJob>({ ...jobs, ...QUEUE });
}

/** Has a worker anchor a wallet's DID; asking twice for one request is harmless. */
export async function enqueueAnchoring(
  queue: AnchoringQueue,
  { walletAddress, anchoring }: Pick<Wallet, "walletAddress" | "anchoring">,
  requestId?: string,
): Promise<void> {
  const job = { walletAddress, anchoringId: anchoring.id };
  await queue.enqueue(`anchor-${walletAddress}-${anchoring.id}`, job, { requestId });
}

export interface AnchoringWorkerDeps extends AnchorDeps, SweepDeps {
  jobs: JobRuntime;
  concurrency: number;
}

/** Starts the worker that anchors wallets. */
export function startAnchoringWorker(deps: AnchoringWorkerDeps): RunningWorker {
  const { jobs, wallets, clock } = deps;
  return startWorker<AnchoringJob>(jobs, {
    queue: QUEUE,
    concurrency: deps.concurrency,
    process: (job) => anchorWallet(deps, job),
    onExhausted: (job, error) =>
      wallets.markFailed(job.walletAddress, job.anchoringId, exhaustedError(error), clock.now()),
    sweep: {
      everyMs: deps.timing.sweepAfterSeconds * 1000,
      async run() {
        const report = await sweepWallets(deps);
        if (report.requeued + report.repeated > 0) jobs.logger.info(report, "wallets without a job were queued again");
      },
    },
  });
}
