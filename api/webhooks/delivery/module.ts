import type { Context } from "../../../process/context";
import { defineModule } from "../../http/module";
import { deliver, type OwnDeliveryDeps } from "./actions";
import { createDeliveryJobs } from "./jobs";
import { ownDeliveryEndpoints } from "./routes";
import type { OutgoingWebhook } from "./rules";
import { createWebhookSender } from "./sender";
import { webhookSecretOf } from "./signing";
import { createDeliveryStore } from "./store";

/** Outgoing webhooks (Standard Webhooks): signed, stored, and retried until the receiver takes them. */
export function createWebhookDelivery(context: Context, needs: Pick<OwnDeliveryDeps, "webhookUrlOf">) {
  const { queue, enqueue, worker } = createDeliveryJobs(context);
  const deps = {
    ...context,
    ...needs,
    deliveries: createDeliveryStore(context.mongo),
    enqueue,
    secretOf: (owner: string) => webhookSecretOf(context.keys, owner),
    send: createWebhookSender({ allowPrivate: !context.config.production }),
  };
  return defineModule({
    name: "webhookDelivery",
    endpoints: ownDeliveryEndpoints(deps),
    queues: [queue],
    workers: [worker(deps)],
    ports: { deliver: (webhook: OutgoingWebhook) => deliver(deps, webhook), secretOf: deps.secretOf },
  });
}
