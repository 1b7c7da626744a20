import { type Context, jobRuntimeOf } from "../../../process/context";
import { defineModule, type Module } from "../../http/module";
import { receiveDelivery, type VerifiedDelivery } from "./actions";
import { type DeliveryHandler, enqueueEntry, createInboxQueue, startInboxWorker } from "./jobs";
import { type CountDelivery, countDeliveries } from "./metrics";
import { createInboxStore } from "./store";

export interface InboxNeeds {
  /** Who reads the deliveries, by source. */
  handlers(): Record<string, DeliveryHandler>;
}

export interface InboxPorts {
  /** Stores a verified delivery durably; false when it was stored before. */
  receive(delivery: VerifiedDelivery): Promise<boolean>;
  count: CountDelivery;
}

/** What others tell us: stored, acknowledged, then worked on. */
export function createWebhookInbox(context: Context, needs: InboxNeeds): Module<InboxPorts> {
  const { clock, logger, mongo, timing } = context;
  const jobs = jobRuntimeOf(context);
  const inbox = createInboxStore(mongo);
  const queue = createInboxQueue(jobs);
  const receiving = {
    inbox,
    clock,
    logger,
    sweepSeconds: timing.sweepAfterSeconds,
    enqueue: (entryId: string, requestId: string | undefined) => enqueueEntry(queue, entryId, requestId),
  };
  return defineModule({
    name: "webhookInbox",
    queues: [queue],
    workers: [
      {
        name: "webhookInbox",
        start: () =>
          startInboxWorker({
            jobs,
            inbox,
            queue,
            concurrency: 8,
            handlers: needs.handlers(),
            sweepIntervalMs: timing.sweepIntervalMs,
          }),
      },
    ],
    ports: { receive: (delivery) => receiveDelivery(receiving, delivery), count: countDeliveries(context.metrics) },
  });
}
