import { createQueue, type JobQueue, type QueueConnection, type QueueDefinition } from "../../../core/jobs/queue";
import { type JobRuntime, type RunningWorker, startWorker } from "../../../core/jobs/worker";
import { type NotifyAdminDeps, notifyAdminOf } from "./actions";

interface AlertJob {
  alertId: string;
}

/** The queue of alerts that the administrator is to be notified of. */
export type AlertQueue = JobQueue<AlertJob>;

/** Alerts queued by one sweep. */
const SWEEP_LIMIT = 500;

const QUEUE: QueueDefinition = { name: "fraud-alerts" };

/** Creates the producing side of the queue. */
export function createAlertQueue(jobs: QueueConnection): AlertQueue {
  return createQueue<AlertJob>({ ...jobs, ...QUEUE });
}

/** Queues the notification about an alert, unless it waits already. */
export function enqueueAlert(queue: AlertQueue, alertId: string): Promise<void> {
  return queue.enqueue(`alert-${alertId.replaceAll("/", "-")}`, { alertId });
}

/** Starts the worker that notifies the administrator, and queues alerts that have no job. */
export function startAlertWorker(
  deps: NotifyAdminDeps & { jobs: JobRuntime; queue: AlertQueue; sweepSeconds: number },
): RunningWorker {
  const { jobs, alerts, queue } = deps;
  return startWorker<AlertJob>(jobs, {
    queue: QUEUE,
    concurrency: 1,
    async process({ alertId }) {
      await notifyAdminOf(deps, alertId);
    },
    sweep: {
      everyMs: deps.sweepSeconds * 1000,
      async run() {
        for (const { alertId } of await alerts.unnotified(SWEEP_LIMIT)) await enqueueAlert(queue, alertId);
      },
    },
  });
}
