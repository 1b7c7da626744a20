import { z } from "zod";
import { RejectedError } from "../envelope/receive";
import { reject } from "../envelope/rejection";

const CURSOR = /^(0|[1-9]\d{0,18})$/;

const Subscription = z.strictObject({ after: z.string().regex(CURSOR).optional() });

/** Reads a cursor: the decimal number of an event. @returns undefined when it is none */
export function parseCursor(text: string): bigint | undefined {
  return CURSOR.test(text) ? BigInt(text) : undefined;
}

/**
 * What the payload of gateway.subscribe asks for: the events after a cursor, or, where it has none, those from now on.
 *
 * @throws RejectedError PAYLOAD_INVALID
 */
export function parseSubscription(payloadBytes: Uint8Array): { after: bigint | undefined } {
  const { data } = Subscription.safeParse(parseJson(payloadBytes));
  if (data === undefined) {
    throw new RejectedError(reject("PAYLOAD_INVALID", { detail: 'give {} or {"after":"<cursor>"}' }));
  }
  return { after: data.after === undefined ? undefined : BigInt(data.after) };
}

/** @returns undefined when the bytes are not JSON in UTF-8 */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
