import { createBatch } from "../../../core/batch";
import { createQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import type { Wallet } from "../rules";
import { type SweepDeps, sweepWallets } from "./actions";
import { anchorAlone, type AnchorDeps, anchorWallets } from "./anchorWallets";
import { MAX_BATCH_SIZE } from "./batches";
import type { AnchoringRequest } from "./outcome";
import { exhaustedError } from "./rules";

/** 45 tries take about 40 minutes: after that a person has to act. */
const QUEUE: QueueDefinition = { name: "anchoring", attempts: 45, maxDelayMs: 60_000 };

/** The queue of wallets to anchor; the worker anchors them, and sweeps for those without a job. */
export function createAnchoringJobs(context: Context) {
  const queue = createQueue<AnchoringRequest>({ ...context, ...QUEUE });
  return {
    queue,
    /** Has a worker anchor a wallet's DID; asking twice for one request is harmless. */
    enqueueAnchoring: (
      { walletAddress, anchoring: { id } }: Pick<Wallet, "walletAddress" | "anchoring">,
      requestId?: string,
    ) => queue.enqueue(`anchor-${walletAddress}-${id}`, { walletAddress, anchoringId: id }, { requestId }),
    worker: (deps: Omit<AnchorDeps, "relayer"> & SweepDeps) => ({
      name: "anchoring",
      start: ({ relayer }: Pick<AnchorDeps, "relayer">) => {
        // Jobs that come while one is taken care of go together afterwards; one that is alone waits for nobody.
        const anchor = createBatch({
          run: (requests: AnchoringRequest[]) => anchorWallets({ ...deps, relayer }, requests),
          maxSize: MAX_BATCH_SIZE,
          waitFor: "running",
        });
        return startWorker<AnchoringRequest>(context, {
          queue: QUEUE,
          concurrency: context.config.anchoring?.concurrency ?? 1,
          async process(request) {
            const alone = await anchor(request);
            if (alone !== null) await anchorAlone({ ...deps, relayer }, alone);
          },
          onExhausted: ({ walletAddress, anchoringId }, error) =>
            deps.wallets.markFailed(walletAddress, anchoringId, exhaustedError(error), deps.clock.now()),
          sweep: {
            everyMs: context.timing.sweepAfterSeconds * 1000,
            async run() {
              const report = await sweepWallets(deps);
              if (report.requeued + report.repeated === 0) return;
              context.logger.info(report, "wallets without a job were queued again");
            },
          },
        });
      },
    }),
  };
}
