import { z } from "zod";
import { type Rejection, reject } from "../envelope/rejection";

const CURSOR = /^(0|[1-9]\d{0,18})$/;

const Subscription = z.strictObject({ after: z.string().regex(CURSOR).optional() });

/** Reads a cursor: the decimal number of an event. @returns undefined when it is none */
export function parseCursor(text: string): bigint | undefined {
  return CURSOR.test(text) ? BigInt(text) : undefined;
}

/** What the payload of gateway.subscribe asks for: the events after a cursor, or those from now on. */
export function parseSubscription(
  payloadBytes: Uint8Array,
): { after: bigint | undefined; rejection?: never } | { rejection: Rejection } {
  const parsed = Subscription.safeParse(parseJson(payloadBytes));
  if (!parsed.success) return { rejection: reject("PAYLOAD_INVALID", { detail: 'give {} or {"after":"<cursor>"}' }) };
  const { after } = parsed.data;
  return { after: after === undefined ? undefined : BigInt(after) };
}

/** @returns undefined when the bytes are not JSON in UTF-8 */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
