import { messageOf, TransientError } from "../../../core/errors";
import { createQueue, type JobQueue, type QueueConnection, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../../core/jobs/worker";
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

const QUEUE: QueueDefinition = { name: "kyc-sandbox" };

/** Creates the producing side. */
export function createSandboxQueue(jobs: QueueConnection): SandboxQueue {
  return createQueue<ReportJob>({ ...jobs, ...QUEUE });
}

/** Queues one report of an event. */
export async function enqueueReport(queue: SandboxQueue, report: ReportJob, delayMs: number): Promise<void> {
  await queue.enqueue(`${report.eventId}-${report.copy}`, report, delayMs > 0 ? { delayMs } : {});
}

export interface SandboxWorkerDeps {
  jobs: JobRuntime;
  sandbox: SandboxStore;
  webhookUrl: string;
  secrets: string[];
}

/** Sends the sandbox's webhooks (Standard Webhooks 1.0); each attempt is signed anew. */
export function startSandboxWorker(deps: SandboxWorkerDeps): RunningWorker {
  return startWorker<ReportJob>(deps.jobs, {
    queue: QUEUE,
    concurrency: 8,
    process: (job) => sendReport(deps, job),
  });
}

async function sendReport({ jobs, sandbox, webhookUrl, secrets }: SandboxWorkerDeps, job: ReportJob): Promise<void> {
  const session = await sandbox.find(job.sessionId);
  const event = session?.events.find(({ id }) => id === job.eventId);
  if (session === null || event === undefined) return;
  const body = JSON.stringify({
    type: `verification.${event.substatus}`,
    timestamp: event.at.toISOString(),
    data: { sessionId: session._id, reference: session.reference, status: event.substatus },
  });
  const timestampSeconds = Math.floor(jobs.clock.now().getTime() / 1000);
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
