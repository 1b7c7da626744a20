import { enqueueLater } from "../../../core/jobs/enqueueLater";
import { createQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import { mailAlert, type MailAlertDeps, type NotifyAdminDeps, notifyAdminOf, sendableAlerts } from "./actions";

interface AlertJob {
  alertId: string;
}

/** Alerts queued by one sweep. */
const SWEEP_LIMIT = 500;

const QUEUE: QueueDefinition = { name: "fraud-alerts" };

/** The queue of alerts that the administrator is to be notified of; the worker also queues alerts that have no job. */
export function createAlertJobs(context: Context) {
  const queue = createQueue<AlertJob>({ ...context, ...QUEUE });
  const add = (alertId: string) => queue.enqueue(`alert-${alertId.replaceAll("/", "-")}`, { alertId });
  const worker = (deps: Omit<NotifyAdminDeps, "notifyAdmin"> & MailAlertDeps) => ({
    name: "fraudAlerts",
    start: () =>
      startWorker<AlertJob>(context, {
        queue: QUEUE,
        concurrency: 1,
        async process({ alertId }) {
          const notifyAdmin: NotifyAdminDeps["notifyAdmin"] = (alert, waiting) => mailAlert(deps, alert, waiting);
          await notifyAdminOf({ ...deps, notifyAdmin }, alertId);
        },
        sweep: {
          everyMs: context.timing.sweepAfterSeconds * 1000,
          async run() {
            for (const { alertId } of await sendableAlerts(deps, { limit: SWEEP_LIMIT })) await add(alertId);
          },
        },
      }),
  });
  return { queue, enqueueAlert: (alertId: string) => enqueueLater(add(alertId), context.logger), worker };
}
