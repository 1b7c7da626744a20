import { messageOf } from "../../../core/errors";
import { createQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import type { IssuerDeps } from "../actions";
import type { IssuerStore } from "../store";
import { type AnchorIssuerDeps, anchorIssuer, refreshFromChain } from "./actions";

const QUEUE: QueueDefinition = { name: "issuer-anchoring", attempts: 30, maxDelayMs: 60_000 };

interface IssuerAnchoringJob {
  address: string;
}

/** The queue of issuers to anchor; the worker brings the chain in line with their accounts. */
export function createIssuerJobs(context: Context) {
  const queue = createQueue<IssuerAnchoringJob>({ ...context, ...QUEUE });
  return {
    queue,
    /** Asks a worker for the next step of an issuer's anchoring; asking twice is harmless. */
    enqueueAnchoring: (address: string, requestId?: string) =>
      queue.enqueue(`issuer-${address}`, { address }, { requestId }),
    worker: (deps: SweepDeps & Omit<AnchorIssuerDeps, "relayer">) => ({
      name: "issuers",
      start: ({ relayer }: Pick<AnchorIssuerDeps, "relayer">) =>
        startWorker<IssuerAnchoringJob>(context, {
          queue: QUEUE,
          concurrency: 4,
          process: ({ address }) => anchorIssuer({ ...deps, relayer }, address),
          onExhausted: ({ address }, error) =>
            deps.issuers.recordOnChainState(address, { anchoringError: messageOf(error) }),
          sweep: { everyMs: context.timing.sweepAfterSeconds * 1000, run: () => sweepIssuers(deps) },
        }),
    }),
  };
}

interface SweepDeps extends Pick<IssuerDeps, "enqueueAnchoring">, Pick<AnchorIssuerDeps, "chain"> {
  issuers: Pick<IssuerStore, "find" | "list" | "recordOnChainState">;
}

/** Queues the issuers whose state on the chain is not as their account has it. */
export async function sweepIssuers(deps: SweepDeps): Promise<void> {
  const unfinished = (await deps.issuers.list()).filter(
    ({ accredited, anchoredHash, documents }) => !accredited || anchoredHash !== documents.at(-1)?.hash,
  );
  for (const { address, anchoringError } of unfinished) {
    // What waits for a person is not sent again and again; only whether it was fixed is read.
    if (anchoringError === null) await deps.enqueueAnchoring(address);
    else await refreshFromChain(deps, address);
  }
}
