import type { Clock } from "../../../../core/clock";
import { randomId } from "../../../../core/crypto";
import { DomainError } from "../../../../core/errors";
import { deliver } from "../actions";
import type { Delivery } from "../rules";
import type { DeliveryPage, DeliveryStore } from "../store";

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
