import type { Clock } from "../../../core/clock";
import type { KycConfig } from "../../../core/config/kyc";
import { messageOf, TransientError } from "../../../core/errors";
import { createQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import { signWebhook } from "../providers/standardWebhooks";
import type { SandboxStore } from "./store";

interface ReportJob {
  sessionId: string;
  eventId: string;
  copy: number;
}

const TIMEOUT_MS = 10_000;

const QUEUE: QueueDefinition = { name: "kyc-sandbox" };

interface ReportDeps extends NonNullable<KycConfig["sandbox"]> {
  sandbox: Pick<SandboxStore, "find">;
}

/** The queue of the sandbox's webhooks (Standard Webhooks 1.0); the worker sends them, each attempt signed anew. */
export function createSandboxJobs(context: Context, deps: ReportDeps) {
  const queue = createQueue<ReportJob>({ ...context, ...QUEUE });
  const report = (job: ReportJob, delayMs: number) =>
    queue.enqueue(`${job.eventId}-${job.copy}`, job, delayMs > 0 ? { delayMs } : {});
  const { publicUrl } = context.config.http;
  const webhookUrl = deps.webhookUrl ?? `${publicUrl}/api/webhooks/kyc-status/sandbox`;
  const worker = {
    name: "kycSandbox",
    start: () =>
      startWorker<ReportJob>(context, {
        queue: QUEUE,
        concurrency: 8,
        process: (job) => sendReport({ ...deps, webhookUrl, clock: context.clock }, job),
      }),
  };
  return { queue, report, worker };
}

async function sendReport(
  { sandbox, webhookUrl, webhookSecrets, clock }: ReportDeps & { webhookUrl: string; clock: Clock },
  job: ReportJob,
): Promise<void> {
  const session = await sandbox.find(job.sessionId);
  const event = session?.events.find(({ id }) => id === job.eventId);
  if (session === null || event === undefined) return;
  const body = JSON.stringify({
    type: `verification.${event.substatus}`,
    timestamp: event.at.toISOString(),
    data: { sessionId: session._id, reference: session.reference, status: event.substatus },
  });
  const timestampSeconds = Math.floor(clock.now().getTime() / 1000);
  const signature = signWebhook({ id: `msg_${event.id}`, timestampSeconds, body }, webhookSecrets);
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
