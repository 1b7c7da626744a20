import type { Clock } from "../../../core/clock";
import { messageOf } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import { bodyOf, type Delivery, type OutgoingWebhook, outcomeOf } from "./rules";
import type { WebhookSender } from "./sender";
import { signWebhook } from "./signing";
import type { DeliveryStore } from "./store";

/** Longest error text that is stored. */
const MAX_ERROR_LENGTH = 300;

/** What delivering webhooks needs. */
export interface DeliveryDeps {
  deliveries: DeliveryStore;
  clock: Clock;
  /** Queues an attempt; neither waits nor throws, because a sweep queues what is due. */
  enqueue(deliveryId: string): void;
  /** The secret that signs an owner's webhooks. */
  secretOf(owner: string): Promise<string>;
  send: WebhookSender;
}

/**
 * Takes on a webhook: once this resolves it is delivered or given up after its last retry, whatever becomes of this
 * process. Ordering the same id again changes nothing.
 */
export async function deliver(
  deps: Pick<DeliveryDeps, "clock" | "enqueue"> & { deliveries: Pick<DeliveryStore, "insert" | "supersede"> },
  webhook: OutgoingWebhook,
): Promise<void> {
  const { deliveries, clock } = deps;
  const { id, secretOwner, url, supersedes = [] } = webhook;
  const now = clock.now();
  await deliveries.insert({
    deliveryId: id,
    secretOwner,
    url,
    body: bodyOf(webhook),
    createdAt: now,
    nextAttemptAt: now,
    attempts: 0,
    deliveredAt: null,
    lastError: null,
    supersededBy: null,
  });
  for (const replaced of supersedes) await deliveries.supersede(replaced, id, now);
  deps.enqueue(id);
}

/**
 * Makes one attempt at a delivery when one is due. Safe to run twice: the receiver then gets the message again under the
 * same id.
 */
export async function attemptDelivery(
  deps: Pick<DeliveryDeps, "deliveries" | "clock" | "secretOf" | "send">,
  deliveryId: string,
  logger: Logger,
): Promise<void> {
  const { deliveries, clock } = deps;
  const delivery = await deliveries.find(deliveryId);
  const nextAttemptAt = delivery?.nextAttemptAt ?? null;
  if (delivery === null || nextAttemptAt === null || nextAttemptAt > clock.now()) return;
  const error = await send(deps, delivery);
  const attempts = delivery.attempts + 1;
  const outcome = outcomeOf(attempts, error, clock.now());
  await deliveries.recordAttempt(delivery, outcome);
  const facts = { deliveryId, secretOwner: delivery.secretOwner, attempts };
  if (outcome.result === "delivered") logger.info(facts, "webhook delivered");
  else logger.warn({ ...facts, error, result: outcome.result }, "webhook not delivered");
}

/** Why the receiver did not take the message; null when it did. Its errors are no errors of ours: they wait for a retry. */
async function send(
  { clock, secretOf, send: post }: Pick<DeliveryDeps, "clock" | "secretOf" | "send">,
  { deliveryId, secretOwner, url, body }: Delivery,
): Promise<string | null> {
  const secret = await secretOf(secretOwner);
  const message = signWebhook(secret, { id: deliveryId, sentAt: clock.now(), body });
  try {
    const status = await post(url, message);
    return status >= 200 && status < 300 ? null : `answered ${status}`;
  } catch (error) {
    return messageOf(error).slice(0, MAX_ERROR_LENGTH);
  }
}
