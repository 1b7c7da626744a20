import { lookup } from "node:dns";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { BlockList, type LookupFunction, isIP } from "node:net";
import { type Clock, addSeconds } from "../../../core/clock";
import { hmacSha256 } from "../../../core/hash";
import { messageOf } from "../../../core/errors";
import type { KeyStore } from "../../../core/keys/keyStore";
import { checksOf } from "../../verification/rules";
import type { Delivery, Verification, VerificationStore } from "../../verification/store";
import type { VerifierStore } from "../../verification/verifiers/store";

/** The key store's name of the key that verifiers' webhook secrets are derived with. */
const MASTER_KEY = "webhook-secrets";

/** Pauses before the second and every later attempt; after the last the delivery is given up. */
const PAUSES_SECONDS = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];

const ANSWER_TIMEOUT_MS = 15_000;

/**
 * Where webhook secrets come from: derived from one key of the store, so that none is kept anywhere.
 *
 * @returns `whsec_` and base64 of 32 bytes (Standard Webhooks)
 */
export async function webhookSecretOf(keys: KeyStore, verifierId: string): Promise<string> {
  const { keyId } = await keys.create("HS256", MASTER_KEY);
  const secret = await keys.sign(keyId, Buffer.from(`webhook ${verifierId}`));
  return `whsec_${Buffer.from(secret).toString("base64")}`;
}

/** A message as it is sent. */
export interface WebhookMessage {
  body: string;
  headers: Record<string, string>;
}

/** Signs a message (Standard Webhooks: HMAC-SHA256 over `<id>.<timestamp>.<body>`, symmetric scheme `v1`). */
export function signWebhook(secret: string, message: { id: string; at: Date; body: string }): WebhookMessage {
  const { id, at, body } = message;
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signature = `v1,${hmacSha256(key, `${id}.${timestamp}.${body}`).toString("base64")}`;
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
  return { body, headers: { ...headers, "content-type": "application/json" } };
}

/** What delivering needs from around it. */
export interface DeliveryParts {
  verifications: Pick<VerificationStore, "find" | "noteDelivery">;
  verifiers: Pick<VerifierStore, "find">;
  clock: Clock;
  secretOf(verifierId: string): Promise<string>;
  /** Sends a message; the status it was answered with. */
  send(url: string, message: WebhookMessage): Promise<number>;
}

/**
 * Makes one attempt to tell a verifier what became of its verification, when one is due; safe to run twice.
 *
 * @returns seconds until the next attempt is due; null when there is none
 */
export async function deliver(parts: DeliveryParts, verificationId: string): Promise<number | null> {
  const { verifications, clock } = parts;
  const verification = await verifications.find(verificationId);
  const dueAt = verification?.delivery?.dueAt ?? null;
  if (verification === null || verification.delivery === null || dueAt === null) return null;
  const now = clock.now();
  if (dueAt > now) return Math.ceil((dueAt.getTime() - now.getTime()) / 1000);

  const fault = await attempt(parts, verification, now);
  const after = afterAttempt(verification.delivery, fault, clock.now());
  await verifications.noteDelivery(verificationId, dueAt, after);
  return after.dueAt === null ? null : Math.ceil((after.dueAt.getTime() - now.getTime()) / 1000);
}

/** Where a delivery stands after one more attempt. */
export function afterAttempt(before: Delivery, fault: string | null, now: Date): Delivery {
  const attempts = before.attempts + 1;
  if (fault === null) return { attempts, dueAt: null, deliveredAt: now, fault: null };
  const pause = PAUSES_SECONDS[attempts - 1];
  return { attempts, dueAt: pause === undefined ? null : addSeconds(now, pause), deliveredAt: null, fault };
}

/** What goes wrong is the receiver's matter and waits for the next attempt; null when it was taken. */
async function attempt(parts: DeliveryParts, verification: Verification, now: Date): Promise<string | null> {
  const { verificationId, verifierId, decision, status } = verification;
  const verifier = await parts.verifiers.find(verifierId);
  if (verifier?.webhookUrl === undefined || verifier.webhookUrl === null)
    return "the verifier has no webhook URL any more";
  const code = decision?.code ?? null;
  const data = { verificationId, credentialId: verification.credentialId, status, code, checks: checksOf(code) };
  const body = JSON.stringify({ type: `verification.${status}`, timestamp: decision?.decidedAt.toISOString(), data });
  // One id a decision: whoever gets a message twice knows it by this.
  const id = `msg_${verificationId}_${status}`;
  const message = signWebhook(await parts.secretOf(verifierId), { id, at: now, body });
  try {
    const answered = await parts.send(verifier.webhookUrl, message);
    return answered >= 200 && answered < 300 ? null : `answered ${answered}`;
  } catch (error) {
    return messageOf(error).slice(0, 300);
  }
}

/** Addresses that lead into somebody's own network: a webhook must not be a way around its firewall. */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  PRIVATE.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  ["::", 96],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  PRIVATE.addSubnet(network, prefix, "ipv6");
}

/** Whether an IP address leads into a private network. IPv4 in IPv6 counts as the IPv4 address. */
export function isPrivateAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return PRIVATE.check(mapped, "ipv4");
  return PRIVATE.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/**
 * Makes the sender of webhooks: one POST, no redirects, the answer's body unread.
 *
 * @param allowPrivate for development: `http:` and addresses of private networks
 */
export function openWebhookSender({ allowPrivate }: { allowPrivate: boolean }): DeliveryParts["send"] {
  const guardedLookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const usable =
        error === null ? addresses.filter(({ address }) => allowPrivate || !isPrivateAddress(address)) : [];
      const [first] = usable;
      if (first === undefined) callback(error ?? new Error(`${hostname} leads into a private network`), []);
      else if (options.all === true) callback(null, usable);
      else callback(null, first.address, first.family);
    });
  };
  return (url, { body, headers }) =>
    new Promise((resolve, reject) => {
      const { protocol, hostname } = new URL(url);
      const literal = hostname.replace(/^\[|\]$/g, "");
      const leadsInside = isIP(literal) !== 0 && isPrivateAddress(literal);
      if (!allowPrivate && (protocol !== "https:" || leadsInside)) {
        reject(
          new Error(leadsInside ? "the webhook URL leads into a private network" : "the webhook URL is not https"),
        );
        return;
      }
      const send = protocol === "https:" ? requestHttps : requestHttp;
      const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      const request = send(url, { method: "POST", headers, lookup: guardedLookup, signal }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on("error", reject);
      request.end(body);
    });
}
