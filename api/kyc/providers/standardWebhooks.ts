import { hmacSha256 } from "../../../core/hash";
import type { Delivery, DeliveryRejection } from "./provider";
import { isTimely, matchesAny, parseSeconds } from "./signatures";

/** What is signed, of a message to a webhook. */
export interface WebhookMessage {
  /** The same for every attempt to deliver one message. */
  id: string;
  /** The time of this attempt, whole seconds since 1970. */
  timestampSeconds: number;
  body: string;
}

/**
 * Signs a message (Standard Webhooks 1.0, symmetric `v1`).
 *
 * @param secrets `whsec_` and the key in base64; each adds a signature, so that a receiver may rotate
 */
export function signWebhook({ id, timestampSeconds, body }: WebhookMessage, secrets: string[]): Record<string, string> {
  const signatures = secrets.map((secret) => signatureOf(secret, `${id}.${timestampSeconds}.`, Buffer.from(body)));
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestampSeconds),
    "webhook-signature": signatures.join(" "),
  };
}

/** Verifies a message's signature and time (Standard Webhooks 1.0, symmetric `v1`). */
export function verifyWebhook({ header, body }: Delivery, secrets: string[], now: Date): DeliveryRejection | undefined {
  const id = header("webhook-id");
  const timestamp = header("webhook-timestamp");
  const signedAtSeconds = parseSeconds(timestamp);
  if (id === undefined || id === "" || timestamp === undefined || signedAtSeconds === undefined) return "signature";
  const given = (header("webhook-signature") ?? "").split(" ").slice(0, 8);
  const expected = secrets.map((secret) => signatureOf(secret, `${id}.${timestamp}.`, body));
  if (!matchesAny(given, expected)) return "signature";
  return isTimely(signedAtSeconds, now) ? undefined : "timestamp";
}

function signatureOf(secret: string, head: string, body: Buffer): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return `v1,${hmacSha256(key, Buffer.concat([Buffer.from(head), body])).toString("base64")}`;
}
