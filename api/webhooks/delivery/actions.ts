import type { Clock } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import { DomainError, messageOf } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import { bodyOf, type Delivery, type OutgoingWebhook, outcomeOf } from "./rules";
import type { WebhookSender } from "./sender";
import { signWebhook } from "./signing";
import type { DeliveryPage, DeliveryStore } from "./store";

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

/** What a receiver of webhooks needs to see and repeat its own. */
export interface OwnDeliveryDeps {
  deliveries: Pick<DeliveryStore, "find" | "ofOwner" | "rearm" | "insert" | "supersede">;
  clock: Clock;
  /** Queues an attempt; neither waits nor throws, because a sweep queues what is due. */
  enqueue(deliveryId: string): void;
  /** Where an owner's webhooks go now; null for nowhere. */
  webhookUrlOf(owner: string): Promise<string | null>;
}

/** A page of an owner's deliveries, and the one after which the next page begins; absent when there is none. */
export async function listDeliveries(
  { deliveries }: Pick<OwnDeliveryDeps, "deliveries">,
  { owner, page }: { owner: string; page: DeliveryPage },
): Promise<{ found: Delivery[]; last: Delivery | undefined }> {
  const found = await deliveries.ofOwner(owner, page);
  return { found, last: found.length === page.limit ? found.at(-1) : undefined };
}

/** @throws DomainError `webhook.unknown`, also when it is another owner's */
export async function readDelivery(
  { deliveries }: Pick<OwnDeliveryDeps, "deliveries">,
  { owner, deliveryId }: { owner: string; deliveryId: string },
): Promise<Delivery> {
  const delivery = await deliveries.find(deliveryId);
  if (delivery?.secretOwner === owner) return delivery;
  throw new DomainError("webhook.unknown", "not_found", "There is no webhook of this id, or it was sent to another.");
}

/**
 * Sends a webhook again, with the same id and body, to where the owner's webhooks go now; retries begin anew.
 *
 * @throws DomainError `webhook.unknown`, `webhook.superseded`, `webhook.no_url`
 */
export async function resendDelivery(
  deps: OwnDeliveryDeps,
  { owner, deliveryId }: { owner: string; deliveryId: string },
): Promise<Delivery> {
  const delivery = await readDelivery(deps, { owner, deliveryId });
  const url = await requireUrl(deps, owner);
  if (!(await deps.deliveries.rearm({ deliveryId, secretOwner: owner }, { url, at: deps.clock.now() }))) {
    const message = `A later message replaced it: read ${delivery.supersededBy ?? "the newest"} instead.`;
    throw new DomainError("webhook.superseded", "conflict", message);
  }
  deps.enqueue(deliveryId);
  return readDelivery(deps, { owner, deliveryId });
}

/**
 * Orders a webhook of the type `webhook.test`, signed and retried as any other.
 *
 * @throws DomainError `webhook.no_url`
 */
export async function sendTestWebhook(deps: OwnDeliveryDeps, { owner }: { owner: string }): Promise<Delivery> {
  const url = await requireUrl(deps, owner);
  const deliveryId = `msg_test_${randomId()}`;
  await deliver(deps, {
    id: deliveryId,
    secretOwner: owner,
    url,
    type: "webhook.test",
    timestamp: deps.clock.now(),
    data: {},
  });
  return readDelivery(deps, { owner, deliveryId });
}

async function requireUrl({ webhookUrlOf }: Pick<OwnDeliveryDeps, "webhookUrlOf">, owner: string): Promise<string> {
  const url = await webhookUrlOf(owner);
  if (url !== null) return url;
  const message = "The account has no webhook URL: set one with PATCH /verifiers/me.";
  throw new DomainError("webhook.no_url", "conflict", message);
}
