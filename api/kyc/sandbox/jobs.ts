import type { Redis } from "ioredis";
import type { Clock } from "../../../core/clock";
import type { DeadLetterStore } from "../../../core/jobs/deadLetters";
import { messageOf, TransientError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import {
  type JobQueue,
  createQueue,
  processQueue,
  type QueueOptions,
  type QueueProcessor,
} from "../../../core/jobs/queue";
import { signWebhook } from "../providers/standardWebhooks";
import type { SandboxStore } from "./store";

interface ReportJob {
  sessionId: string;
  eventId: string;
  copy: number;
}

/** The queue of the sandbox's webhooks. */
export type SandboxQueue = JobQueue<ReportJob>;

const TIMEOUT_MS = 10_000;

function queueOptions({ redis, prefix }: { redis: Redis; prefix: string }): QueueOptions {
  return { name: "kyc-sandbox", redis, prefix };
}

/** Creates the producing side. */
export function createSandboxQueue(connection: { redis: Redis; prefix: string }): SandboxQueue {
  return createQueue<ReportJob>(queueOptions(connection));
}

/** Queues one report of an event. */
export async function enqueueReport(queue: SandboxQueue, sendReport: ReportJob, delayMs: number): Promise<void> {
  await queue.enqueue(`${sendReport.eventId}-${sendReport.copy}`, sendReport, delayMs > 0 ? { delayMs } : {});
}

export interface SandboxWorkerDeps {
  sandbox: SandboxStore;
  redis: Redis;
  prefix: string;
  deadLetters: DeadLetterStore;
  clock: Clock;
  logger: Logger;
  webhookUrl: string;
  secrets: string[];
}

/** Sends the sandbox's webhooks (Standard Webhooks 1.0); each attempt is signed anew. */
export function startSandboxWorker(deps: SandboxWorkerDeps): QueueProcessor {
  return processQueue<ReportJob>({
    ...queueOptions(deps),
    concurrency: 8,
    deadLetters: deps.deadLetters,
    clock: deps.clock,
    logger: deps.logger,
    process: (job) => report(deps, job),
  });
}

async function report({ sandbox, clock, webhookUrl, secrets }: SandboxWorkerDeps, job: ReportJob): Promise<void> {
  const session = await sandbox.find(job.sessionId);
  const event = session?.events.find(({ id }) => id === job.eventId);
  if (session === null || event === undefined) return;
  const body = JSON.stringify({
    type: `verification.${event.substatus}`,
    timestamp: event.at.toISOString(),
    data: { sessionId: session._id, reference: session.reference, status: event.substatus },
  });
  const timestampSeconds = Math.floor(clock.now().getTime() / 1000);
  const signature = signWebhook({ id: `msg_${event.id}`, timestampSeconds, body }, secrets);
  let status: number;
  try {
    const headers = { "content-type": "application/json", ...signature };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(webhookUrl, { method: "POST", headers, body, redirect: "manual", signal });
    await response.arrayBuffer();
    status = response.status;
  } catch (error) {
    const what = `The sandbox's webhook could not be delivered: ${messageOf(error)}.`;
    throw new TransientError("kyc_sandbox.undelivered", what, { cause: error });
  }
  if (status >= 300)
    throw new TransientError("kyc_sandbox.undelivered", `The sandbox's webhook was answered with ${status}.`);
}
