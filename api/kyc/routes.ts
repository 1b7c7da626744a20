import { defineEndpoint, type Endpoint, type RejectionDescription, type RequestContext } from "../http/endpoint";
import {
  receiveWebhook,
  type ReceiveWebhookDeps,
  type KycDeps,
  requireVerified,
  showVerification,
  startVerification,
} from "./actions";
import { KYC_REQUIRED } from "./policy";
import { providerParams, receivedReply, startedReply, statusReply, verificationReply } from "./schemas";

const TAG = "KYC";

/** Providers' deliveries are a few kilobytes, a hundred with everything a document held. */
const DELIVERY_LIMIT_BYTES = 1_048_576;

const RECEIVED = { 200: { description: "Stored; there is no need to repeat it.", schema: receivedReply } };

const WEBHOOK_REFUSALS: RejectionDescription[] = [
  {
    code: "webhook.unverified",
    kind: "unauthenticated",
    meaning: "The signature is not the provider's, or not of now.",
  },
  { code: "webhook.malformed", kind: "invalid", meaning: "Signed, but not what the provider documents." },
  { code: "webhook.unknown_provider", kind: "not_found", meaning: "No provider of this name is configured." },
];

/** The operations of identity verification. */
export function kycEndpoints(deps: KycDeps & ReceiveWebhookDeps): Endpoint[] {
  return [...holderEndpoints(deps), ...webhookEndpoints(deps)];
}

function holderEndpoints(deps: KycDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "post",
      path: "/api/kyc/start-verification",
      tag: TAG,
      summary: "Start the verification of one's identity",
      description:
        "While one is pending, the same session is given again, with a fresh link or token where they grow old.",
      auth: "session",
      limit: { name: "kyc-start", limit: 20, windowSeconds: 60 * 60, by: "user" },
      replies: {
        201: { description: "A session at the provider.", schema: startedReply },
        200: { description: "The session that was pending already.", schema: startedReply },
      },
      rejections: [
        { code: "kyc.already_verified", kind: "conflict", meaning: "The identity is verified already." },
        { code: "kyc.closed", kind: "conflict", meaning: "The verification was declined for good." },
        {
          code: "kyc.under_review",
          kind: "conflict",
          meaning: "The provider reviews what was handed in; there is nothing to do until it has decided.",
        },
        { code: "kyc.no_account", kind: "not_found", meaning: "The account is gone." },
      ],
      handle: async ({ caller }) => {
        const { state, session, isNew } = await startVerification(deps, caller);
        const { status, substatus, provider, expiresAt } = state;
        return { status: isNew ? 201 : 200, body: { status, substatus, provider, ...session, expiresAt } };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/api/kyc/status",
      tag: TAG,
      summary: "Where the verification of one's identity stands",
      auth: "session",
      replies: { 200: { description: "The status, and why where it may be told.", schema: statusReply } },
      handle: async ({ caller }) => ({ status: 200, body: await showVerification(deps, caller) }),
    }),
    defineEndpoint({
      method: "get",
      path: "/api/kyc/verification",
      tag: TAG,
      summary: "The verification of a verified holder",
      description: "Names provider and session, so that an auditor can find the file at the provider, which keeps it.",
      auth: "session",
      replies: { 200: { description: "Who verified the caller, and when.", schema: verificationReply } },
      rejections: [KYC_REQUIRED],
      handle: async ({ caller }) => {
        const { status, provider, sessionId, decidedAt } = await requireVerified(deps, caller.userId);
        return { status: 200, body: { status, provider, sessionId, verifiedAt: decidedAt } };
      },
    }),
  ];
}

function webhookEndpoints(deps: KycDeps & ReceiveWebhookDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "post",
      path: "/api/webhooks/kyc-status",
      tag: TAG,
      summary: "Receive a webhook of the chosen KYC provider",
      auth: "none",
      rawBody: { limitBytes: DELIVERY_LIMIT_BYTES },
      replies: RECEIVED,
      rejections: WEBHOOK_REFUSALS,
      handle: ({ body }, context) => receive(deps, { provider: deps.chosen.name, body, context }),
    }),
    defineEndpoint({
      method: "post",
      path: "/api/webhooks/kyc-status/:provider",
      tag: TAG,
      summary: "Receive a webhook of a KYC provider",
      description: "Verified by the provider's own scheme over the exact bytes. A repeated delivery changes nothing.",
      auth: "none",
      params: providerParams,
      rawBody: { limitBytes: DELIVERY_LIMIT_BYTES },
      replies: RECEIVED,
      rejections: WEBHOOK_REFUSALS,
      handle: ({ params, body }, context) => receive(deps, { provider: params.provider, body, context }),
    }),
  ];
}

async function receive(
  deps: ReceiveWebhookDeps,
  { provider, body, context }: { provider: string; body: Buffer; context: RequestContext },
) {
  const { header, requestId } = context;
  await receiveWebhook(deps, { provider, delivery: { header, body }, requestId });
  return { status: 200, body: { received: true } };
}
