import type { Context } from "../../../process/context";
import { defineModule } from "../../http/module";
import { receiveDelivery, type ReceiveDeliveryDeps, type VerifiedDelivery } from "./actions";
import { createInboxJobs, type InboxWorkerDeps } from "./jobs";
import { countDeliveries } from "./metrics";
import { createInboxStore } from "./store";

/** Incoming webhooks: stored, acknowledged, then processed, those of each source in a queue of their own. */
export function createWebhookInbox(context: Context, { handlers }: Pick<InboxWorkerDeps, "handlers">) {
  const jobs = { kyc: createInboxJobs(context, "kyc"), oauth: createInboxJobs(context, "oauth") };
  const enqueue: ReceiveDeliveryDeps["enqueue"] = (source, entryId, requestId) =>
    jobs[source].enqueue(entryId, requestId);
  const deps = { ...context, inbox: createInboxStore(context.mongo), enqueue, handlers };
  return defineModule({
    name: "webhookInbox",
    queues: Object.values(jobs).map(({ queue }) => queue),
    workers: Object.values(jobs).map(({ worker }) => worker(deps)),
    ports: {
      receive: (delivery: VerifiedDelivery) => receiveDelivery(deps, delivery),
      count: countDeliveries(context.metrics),
    },
  });
}
