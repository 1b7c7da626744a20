import type { Redis } from "ioredis";
import type { Clock } from "../../../core/clock";
import type { DeadLetterStore } from "../../../core/jobs/deadLetters";
import { messageOf } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import { type JobQueue, createQueue, processQueue } from "../../../core/jobs/queue";
import { startSweeper } from "../../../core/jobs/sweeper";
import { type AnchorIssuerParts, anchorIssuer, lookAtChain } from "./actions";

const QUEUE = "issuer-anchoring";

/** A job to bring the chain in line with an issuer's account. */
export interface IssuerAnchoringJob {
  address: string;
}

/** Opens the producing side of the queue. */
export function openIssuerQueue(options: { redis: Redis; prefix: string }): JobQueue<IssuerAnchoringJob> {
  return createQueue<IssuerAnchoringJob>({ ...options, name: QUEUE, attempts: 30, maxDelayMs: 60_000 });
}

/** Asks a worker for the next step of an issuer's anchoring; asking twice is harmless. */
export async function enqueueIssuer(
  queue: JobQueue<IssuerAnchoringJob>,
  address: string,
  requestId?: string,
): Promise<void> {
  await queue.enqueue(`issuer-${address}`, { address }, requestId === undefined ? {} : { requestId });
}

/** A running worker of the queue. */
export interface IssuerWorker {
  /** Looks after every issuer whose place on the chain is not as it should be. */
  sweep(): Promise<number>;
  close(deadlineMs: number): Promise<void>;
}

/** Works on the queue, and looks after what has no job, so that Redis may lose everything. */
export function startIssuerWorker(
  options: AnchorIssuerParts & {
    redis: Redis;
    prefix: string;
    queue: JobQueue<IssuerAnchoringJob>;
    deadLetters: DeadLetterStore;
    clock: Clock;
    logger: Logger;
    sweepSeconds: number;
  },
): IssuerWorker {
  const { store, logger } = options;
  const processor = processQueue<IssuerAnchoringJob>({
    ...{ name: QUEUE, redis: options.redis, prefix: options.prefix, attempts: 30, maxDelayMs: 60_000, concurrency: 4 },
    ...{ deadLetters: options.deadLetters, clock: options.clock, logger },
    process: ({ address }) => anchorIssuer(options, address),
    onExhausted: ({ address }, error) => store.note(address, { fault: messageOf(error) }),
  });

  async function sweep(): Promise<number> {
    const unfinished = (await store.list()).filter(
      ({ accredited, anchoredHash, documents }) => !accredited || anchoredHash !== documents.at(-1)?.hash,
    );
    for (const { address, fault } of unfinished) {
      // What waits for a person is not sent again and again; only whether it was mended is looked at.
      if (fault === null) await enqueueIssuer(options.queue, address);
      else await lookAtChain(options, address);
    }
    return unfinished.length;
  }

  const sweeper = startSweeper({
    what: "issuers",
    everyMs: options.sweepSeconds * 1000,
    logger,
    async sweep() {
      await sweep();
    },
  });

  return {
    sweep,
    async close(deadlineMs) {
      await Promise.all([sweeper.close(), processor.close(deadlineMs)]);
    },
  };
}
