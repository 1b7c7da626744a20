import { createHmac } from "node:crypto";
import { equalsInConstantTime } from "../../../core/hash";
import type { DeliveryRejection } from "./provider";

/** How far a signed time may lie from ours, before and after. */
const TOLERANCE_MS = 300_000;

/** HMAC (RFC 2104) as lower-case hexadecimal. */
export function hmacHex(algorithm: "sha256" | "sha512", key: string, ...deps: (string | Buffer)[]): string {
  const hmac = createHmac(algorithm, key);
  for (const part of deps) hmac.update(part);
  return hmac.digest("hex");
}

/**
 * Whether one of the signatures given is one of those expected. Texts are compared, not what they decode to: an
 * encoding has more than one spelling, a signature has one. All pairs are compared, so that time tells nothing.
 */
export function matchesAny(given: string[], expected: string[]): boolean {
  let matches = false;
  for (const left of given) for (const right of expected) matches = equalsInConstantTime(left, right) || matches;
  return matches;
}

/** Whether a time that was signed is of this moment. */
export function isTimely(signedAtSeconds: number, now: Date): boolean {
  return Math.abs(now.getTime() - signedAtSeconds * 1000) <= TOLERANCE_MS;
}

/** A time as signatures carry it: whole seconds since 1970, written in the one usual way. */
export function parseSeconds(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,11}$/.test(text) ? Number(text) : undefined;
}

/**
 * Verifies `t=<seconds>,v1=<hex HMAC-SHA256 of "t.body">`, the form Stripe and Persona share. During a rotation Persona
 * sends several of these, separated by spaces, and Stripe several `v1` in one.
 */
export function verifyTimedHex(
  header: string | undefined,
  { body, secrets, now }: { body: Buffer; secrets: string[]; now: Date },
): DeliveryRejection | undefined {
  const sets = (header ?? "")
    .split(" ")
    .filter((set) => set !== "")
    .slice(0, 4);
  let rejection: DeliveryRejection = "signature";
  for (const set of sets) {
    const fields = set.split(",").slice(0, 8);
    const times = fields.filter((field) => field.startsWith("t="));
    const signedAtText = times.length === 1 ? times[0]?.slice(2) : undefined;
    const signedAtSeconds = parseSeconds(signedAtText);
    if (signedAtText === undefined || signedAtSeconds === undefined) continue;
    const given = fields.filter((field) => field.startsWith("v1=")).map((field) => field.slice(3));
    const expected = secrets.map((secret) => hmacHex("sha256", secret, `${signedAtText}.`, body));
    if (!matchesAny(given, expected)) continue;
    if (isTimely(signedAtSeconds, now)) return undefined;
    rejection = "timestamp";
  }
  return rejection;
}
