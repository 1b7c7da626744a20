import { enqueueLater } from "../../../core/jobs/enqueueLater";
import { type Context, jobRuntimeOf } from "../../../process/context";
import { defineModule, type Module } from "../../http/module";
import { deliver } from "./actions";
import { createDeliveryQueue, enqueueDelivery, startDeliveryWorker } from "./jobs";
import type { OutgoingWebhook } from "./rules";
import { createWebhookSender } from "./sender";
import { webhookSecretOf } from "./signing";
import { createDeliveryStore } from "./store";

export interface DeliveryPorts {
  /** Takes on a webhook, durably once this resolves; ordering the same id again changes nothing. */
  deliver(webhook: OutgoingWebhook): Promise<void>;
  /** The secret that signs an owner's webhooks (Standard Webhooks, `whsec_`). */
  secretOf(owner: string): Promise<string>;
}

/** Outgoing webhooks (Standard Webhooks): signed, stored, and retried until the receiver takes them. */
export function createWebhookDelivery(context: Context): Module<DeliveryPorts> {
  const { config, clock, logger, mongo, keys, timing } = context;
  const jobs = jobRuntimeOf(context);
  const deliveries = createDeliveryStore(mongo);
  const queue = createDeliveryQueue(jobs);
  const enqueue = (deliveryId: string) => enqueueLater(enqueueDelivery(queue, deliveryId), logger);
  const secretOf = (owner: string) => webhookSecretOf(keys, owner);
  const send = createWebhookSender({ allowPrivate: !config.production });
  const { sweepIntervalMs } = timing;
  return defineModule({
    name: "webhookDelivery",
    queues: [queue],
    workers: [
      {
        name: "webhookDelivery",
        start: () =>
          startDeliveryWorker({ jobs, queue, deliveries, clock, secretOf, send, sweepIntervalMs, concurrency: 16 }),
      },
    ],
    ports: { deliver: (webhook) => deliver({ deliveries, clock, enqueue }, webhook), secretOf },
  });
}
