import { messageOf } from "../../../core/errors";
import { createQueue, type JobQueue, type QueueConnection, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import type { IssuerDeps } from "../actions";
import type { IssuerStore } from "../store";
import { type AnchorIssuerDeps, anchorIssuer, refreshFromChain } from "./actions";

const QUEUE: QueueDefinition = { name: "issuer-anchoring", attempts: 30, maxDelayMs: 60_000 };

/** A job to bring the chain in line with an issuer's account. */
export interface IssuerAnchoringJob {
  address: string;
}

export type IssuerAnchoringQueue = JobQueue<IssuerAnchoringJob>;

/** Creates the producing side of the queue. */
export function createIssuerAnchoringQueue(jobs: QueueConnection): IssuerAnchoringQueue {
  return createQueue<IssuerAnchoringJob>({ ...jobs, ...QUEUE });
}

/** Asks a worker for the next step of an issuer's anchoring; asking twice is harmless. */
export async function enqueueIssuerAnchoring(
  queue: IssuerAnchoringQueue,
  address: string,
  requestId?: string,
): Promise<void> {
  await queue.enqueue(`issuer-${address}`, { address }, { requestId });
}

export interface IssuerWorkerDeps
  extends AnchorIssuerDeps, Pick<IssuerDeps, "enqueueAnchoring">, Pick<Context, "timing"> {
  issuers: Pick<IssuerStore, "find" | "list" | "recordOnChainState">;
  jobs: JobRuntime;
}

/** Starts the worker that anchors issuers. */
export function startIssuerWorker(deps: IssuerWorkerDeps): RunningWorker {
  return startWorker<IssuerAnchoringJob>(deps.jobs, {
    queue: QUEUE,
    concurrency: 4,
    process: ({ address }) => anchorIssuer(deps, address),
    onExhausted: ({ address }, error) => deps.issuers.recordOnChainState(address, { anchoringError: messageOf(error) }),
    sweep: { everyMs: deps.timing.sweepAfterSeconds * 1000, run: () => sweepIssuers(deps) },
  });
}

/** Queues the issuers whose state on the chain is not as their account has it. */
export async function sweepIssuers(deps: Omit<IssuerWorkerDeps, "jobs" | "timing">): Promise<void> {
  const unfinished = (await deps.issuers.list()).filter(
    ({ accredited, anchoredHash, documents }) => !accredited || anchoredHash !== documents.at(-1)?.hash,
  );
  for (const { address, anchoringError } of unfinished) {
    // What waits for a person is not sent again and again; only whether it was fixed is read.
    if (anchoringError === null) await deps.enqueueAnchoring(address);
    else await refreshFromChain(deps, address);
  }
}
