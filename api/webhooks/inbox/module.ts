import type { Context } from "../../../process/context";
import { defineModule } from "../../http/module";
import { receiveDelivery, type VerifiedDelivery } from "./actions";
import { createInboxJobs, type InboxWorkerDeps } from "./jobs";
import { countDeliveries } from "./metrics";
import { createInboxStore } from "./store";

/** Incoming webhooks: stored, acknowledged, then processed. */
export function createWebhookInbox(context: Context, { handlers }: Pick<InboxWorkerDeps, "handlers">) {
  const { queue, enqueue, worker } = createInboxJobs(context);
  const deps = { ...context, inbox: createInboxStore(context.mongo), enqueue, handlers };
  return defineModule({
    name: "webhookInbox",
    queues: [queue],
    workers: [worker(deps)],
    ports: {
      receive: (delivery: VerifiedDelivery) => receiveDelivery(deps, delivery),
      count: countDeliveries(context.metrics),
    },
  });
}
