import { z } from "zod";
import { addSeconds } from "../../../core/clock";
import type { KycConfig } from "../../../core/config/kyc";
import type { KycReason } from "../reasons";
import type { KycDecision } from "../rules";
import { callProvider } from "./callProvider";
import { parseBody } from "./parseBody";
import type { KycProvider, ProviderSession } from "./provider";
import { verifyTimedHex } from "./signatures";

/** A session waits for its user without end; its secret and address are renewed by asking again. */
const FORGOTTEN_SECONDS = 30 * 24 * 60 * 60;

const EVENT = /^identity\.verification_session\.(processing|requires_input|verified|canceled)$/;

const REASON_OF: Record<string, KycReason | undefined> = {
  consent_declined: "consent_declined",
  under_supported_age: "age_below_minimum",
  country_not_supported: "region_unsupported",
  document_expired: "document_expired",
  document_type_not_supported: "document_unsupported",
  document_unverified_other: "document_suspicious",
  id_number_insufficient_document_data: "document_unreadable",
  id_number_mismatch: "data_mismatch",
  id_number_unverified_other: "data_mismatch",
  selfie_document_missing_photo: "document_unsupported",
  selfie_face_mismatch: "selfie_mismatch",
  selfie_manipulated: "fraud_suspected",
  selfie_unverified_other: "selfie_unusable",
};

const session = z.object({
  id: z.string().min(1),
  status: z.string(),
  client_secret: z.string().nullish(),
  url: z.url().nullish(),
  last_error: z.object({ code: z.string().nullish() }).nullish(),
});

const event = z.object({
  id: z.string().min(1),
  type: z.string(),
  created: z.number().int().positive(),
  data: z.object({ object: z.looseObject({}) }),
});

/** Stripe Identity: verification sessions; webhooks sign a time (`Stripe-Signature`). */
export function createStripe(config: NonNullable<KycConfig["stripe"]>): KycProvider {
  const { apiUrl, apiKey, webhookSecrets: secrets } = config;
  const provider = "stripe";
  const sessionsUrl = `${apiUrl}/v1/identity/verification_sessions`;
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/x-www-form-urlencoded" };

  function showSession(sessionId: string) {
    const url = `${sessionsUrl}/${encodeURIComponent(sessionId)}`;
    return callProvider({ provider, purpose: "show a session", url, method: "GET", headers, schema: session });
  }

  return {
    name: provider,
    signsTime: true,
    // `verified` and `canceled` are terminal at Stripe.
    mayRevise: false,
    async createSession({ userId, attemptId, returnUrl, now }) {
      const form = new URLSearchParams({ type: "document", client_reference_id: userId, return_url: returnUrl });
      const answer = await callProvider({
        provider,
        purpose: "create a session",
        url: sessionsUrl,
        method: "POST",
        schema: session,
        headers: { ...headers, "idempotency-key": attemptId },
        body: form.toString(),
      });
      return { ...sessionOf(answer), expiresAt: addSeconds(now, FORGOTTEN_SECONDS) };
    },
    resumeSession: async ({ sessionId }) => sessionOf(await showSession(sessionId)),
    verifyDelivery: ({ header, body }, now) => verifyTimedHex(header("stripe-signature"), { body, secrets, now }),
    parseDelivery({ body }) {
      const { id, type, created, data } = parseBody(provider, body, event);
      const deliveryKey = `${provider}:${id}`;
      if (!EVENT.test(type)) return { deliveryKey, decision: undefined };
      const object = parseBody(provider, Buffer.from(JSON.stringify(data.object)), session);
      return { deliveryKey, decision: decisionOf(object, new Date(created * 1000)) };
    },
    fetchDecision: async ({ sessionId }) => decisionOf(await showSession(sessionId), null) ?? null,
  };
}

function sessionOf({ id, client_secret, url }: z.output<typeof session>): ProviderSession {
  return { sessionId: id, ...(url && { sessionUrl: url }), ...(client_secret && { sdkToken: client_secret }) };
}

function decisionOf(
  { id, status, last_error }: z.output<typeof session>,
  occurredAt: Date | null,
): KycDecision | undefined {
  const base = { sessionId: id, reason: null, mayRetry: true, occurredAt };
  switch (status) {
    case "processing":
      return { ...base, substatus: "in_progress" };
    case "verified":
      return { ...base, substatus: "approved" };
    case "canceled":
      return { ...base, substatus: "canceled" };
    case "requires_input": {
      // Also the status of a session nobody has begun; only an error says that something was tried and failed.
      const code = last_error?.code;
      if (!code || code === "abandoned") return undefined;
      return { ...base, substatus: "resubmission_requested", reason: REASON_OF[code] ?? "other" };
    }
    default:
      return undefined;
  }
}
