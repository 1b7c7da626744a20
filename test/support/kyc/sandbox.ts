import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { type ReviewState, PERSONAL, type MockProvider } from "./mockProvider";

const STATUS: Record<ReviewState, string> = {
  submitted: "in_progress",
  review: "needs_review",
  resubmit: "resubmission_requested",
  approved: "approved",
  declined: "declined",
  expired: "expired",
};

/**
 * The sandbox's webhooks, made here anew (Standard Webhooks 1.0): `v1,<base64 HMAC-SHA256 of "id.timestamp.body">`. Its
 * API is Cairn's own.
 */
export function startSandbox(): MockProvider {
  const freshKey = () => `whsec_${randomBytes(32).toString("base64")}`;
  const secrets: [string, string] = [freshKey(), freshKey()];
  return {
    name: "sandbox",
    signsTime: true,
    secrets,
    config: { sandbox: { webhookSecrets: secrets, webhookUrl: undefined } },
    signedHeaders: ["webhook-id", "webhook-timestamp", "webhook-signature"],
    outage: false,
    sessionsOf: () => 1,
    decide: () => undefined,
    sign(sessionId, state, { secret = secrets[0], signedAtSeconds, occurredAt, eventId = randomUUID() }) {
      const data = { sessionId, status: STATUS[state], reference: "user", person: PERSONAL };
      const body = Buffer.from(
        JSON.stringify({ type: `verification.${STATUS[state]}`, timestamp: occurredAt.toISOString(), data }),
      );
      const key = Buffer.from(secret.slice("whsec_".length), "base64");
      const signed = createHmac("sha256", key).update(`${eventId}.${signedAtSeconds}.`).update(body).digest("base64");
      const headers = {
        "content-type": "application/json",
        "webhook-id": eventId,
        "webhook-timestamp": String(signedAtSeconds),
        "webhook-signature": `v1,${signed}`,
      };
      return { headers, body };
    },
    close: () => Promise.resolve(),
  };
}
