import { defineEndpoint, type Endpoint, type RejectionDescription } from "../../http/endpoint";
import { listDeliveries, type OwnDeliveryDeps, readDelivery, resendDelivery, sendTestWebhook } from "./actions";
import * as shapes from "./schemas";

const TAG = "Webhooks";
const UNKNOWN: RejectionDescription = {
  code: "webhook.unknown",
  kind: "not_found",
  meaning: "There is no webhook of this id, or it was sent to another.",
};
const NO_URL: RejectionDescription = {
  code: "webhook.no_url",
  kind: "conflict",
  meaning: "The account has no webhook URL.",
};

/** What a verifier does with the webhooks that were sent to it. */
export function ownDeliveryEndpoints(deps: OwnDeliveryDeps): Endpoint[] {
  return [listEndpoint(deps), readEndpoint(deps), resendEndpoint(deps), testEndpoint(deps)];
}

function listEndpoint(deps: OwnDeliveryDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/webhooks/deliveries",
    tag: TAG,
    summary: "List the webhooks that were sent to the caller",
    description: "The newest first; finished ones are kept for 30 days.",
    auth: "verifier",
    query: shapes.listQuery,
    replies: { 200: { description: "One page.", schema: shapes.listReply } },
    rejections: [{ code: "webhook.cursor_invalid", kind: "invalid", meaning: "The cursor is none of ours." }],
    handle: async ({ query: { limit, cursor }, caller }) => {
      const before = cursor === undefined ? null : shapes.readCursor(cursor);
      const { found, last } = await listDeliveries(deps, { owner: caller.accountId, page: { limit, before } });
      const next = last === undefined ? null : shapes.writeCursor(last);
      return { status: 200, body: { deliveries: found.map(shapes.showDelivery), next } };
    },
  });
}

function readEndpoint(deps: OwnDeliveryDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/webhooks/deliveries/:id",
    tag: TAG,
    summary: "Read a webhook with its body",
    auth: "verifier",
    params: shapes.deliveryParams,
    replies: { 200: { description: "The webhook.", schema: shapes.deliveryReply } },
    rejections: [UNKNOWN],
    handle: async ({ params, caller }) => {
      const delivery = await readDelivery(deps, { owner: caller.accountId, deliveryId: params.id });
      return { status: 200, body: { ...shapes.showDelivery(delivery), body: delivery.body } };
    },
  });
}

function resendEndpoint(deps: OwnDeliveryDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/webhooks/deliveries/:id/resend",
    tag: TAG,
    summary: "Send a webhook again",
    description: "The same id and body, to the webhook URL as it is now; retries begin anew.",
    auth: "verifier",
    params: shapes.deliveryParams,
    limit: { name: "webhook-resend", limit: 60, windowSeconds: 60, by: "user" },
    replies: { 202: { description: "It is on its way.", schema: shapes.deliveryReply } },
    rejections: [
      UNKNOWN,
      NO_URL,
      { code: "webhook.superseded", kind: "conflict", meaning: "A later message replaced it." },
    ],
    handle: async ({ params, caller }) => {
      const delivery = await resendDelivery(deps, { owner: caller.accountId, deliveryId: params.id });
      return { status: 202, body: { ...shapes.showDelivery(delivery), body: delivery.body } };
    },
  });
}

function testEndpoint(deps: OwnDeliveryDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/webhooks/test",
    tag: TAG,
    summary: "Have a test webhook sent",
    description: "Of the type `webhook.test`, signed and retried as any other.",
    auth: "verifier",
    limit: { name: "webhook-test", limit: 10, windowSeconds: 60, by: "user" },
    replies: { 202: { description: "It is on its way.", schema: shapes.deliveryReply } },
    rejections: [NO_URL],
    handle: async ({ caller }) => {
      const delivery = await sendTestWebhook(deps, { owner: caller.accountId });
      return { status: 202, body: { ...shapes.showDelivery(delivery), body: delivery.body } };
    },
  });
}
