import { hmacSha256 } from "../../../core/hash";
import type { KeyStore } from "../../../core/keys/keyStore";

/** The key store's name of the key that webhook secrets are derived with. */
const MASTER_KEY = "webhook-secrets";

/**
 * The secret that signs an owner's webhooks, derived from one key of the key store, so that none is stored.
 *
 * @returns `whsec_` and base64 of 32 bytes (Standard Webhooks)
 */
export async function webhookSecretOf(keys: KeyStore, owner: string): Promise<string> {
  const { keyId } = await keys.create("HS256", MASTER_KEY);
  const secret = await keys.sign(keyId, Buffer.from(`webhook ${owner}`));
  return `whsec_${Buffer.from(secret).toString("base64")}`;
}

/** A message as it is sent. */
export interface WebhookMessage {
  body: string;
  headers: Record<string, string>;
}

/** Signs a message (Standard Webhooks: HMAC-SHA256 over `<id>.<timestamp>.<body>`, symmetric scheme `v1`). */
export function signWebhook(secret: string, message: { id: string; sentAt: Date; body: string }): WebhookMessage {
  const { id, sentAt, body } = message;
  const timestamp = String(Math.floor(sentAt.getTime() / 1000));
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signature = hmacSha256(key, `${id}.${timestamp}.${body}`).toString("base64");
  return {
    body,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${signature}`,
    },
  };
}
