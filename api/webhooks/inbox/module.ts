import type { Context } from "../../../process/context";
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
  const { config, clock, logger, mongo, redis, timing } = context;
  const { prefix } = config.redis;
  const inbox = createInboxStore(mongo);
  const queue = createInboxQueue({ redis, prefix });
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
            inbox,
            queue,
            redis,
            prefix,
            clock,
            logger,
            deadLetters: context.deadLetters,
            concurrency: 8,
            handlers: needs.handlers(),
            sweepEveryMs: timing.sweepIntervalMs,
          }),
      },
    ],
    ports: { receive: (delivery) => receiveDelivery(receiving, delivery), count: countDeliveries(context.metrics) },
  });
}
