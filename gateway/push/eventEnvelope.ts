import { sha256 } from "../../core/hash";
import { PROTOCOL_VERSION } from "../envelope/envelope";
import type { EventEnvelope } from "../gen/cairn/gateway/v1/gateway_pb";
import type { ResponseKeys } from "../keys/responseKeys";
import { eventSigningBytes, type Fields } from "../signing/envelopes";
import type { OutgoingEvent } from "./outgoing";

/** What the events of one stream have in common. */
export interface StreamIdentity {
  deviceSessionId: string;
  /** SHA-256 of the signing bytes of the request that subscribed. */
  subscriptionHash: Uint8Array;
  /** Of that request. */
  traceId: string;
}

/** An event as it goes out. */
export interface SignedEvent {
  envelope: Fields<EventEnvelope>;
  payloadBytes: Uint8Array;
  signature: Uint8Array;
}

/**
 * Numbers and signs the events of one stream.
 *
 * @returns a function that takes them in the order in which they are sent
 */
export function createEventSigner(
  keys: Pick<ResponseKeys, "current">,
  { deviceSessionId, subscriptionHash, traceId }: StreamIdentity,
): (event: OutgoingEvent) => Promise<SignedEvent> {
  let position = 0n;
  return async ({ id, type, atMs, cursor, payload }) => {
    const payloadBytes = Buffer.from(payload, "utf8");
    // Asked for each time: keys are rotated while streams are open.
    const key = keys.current();
    const envelope: Fields<EventEnvelope> = {
      protocolVersion: PROTOCOL_VERSION,
      deviceSessionId,
      eventType: type,
      eventId: id,
      timestampMs: BigInt(atMs),
      cursor,
      subscriptionHash,
      position: position++,
      payloadHash: sha256(payloadBytes),
      traceId,
      keyId: key.kid,
    };
    return { envelope, payloadBytes, signature: await key.sign(eventSigningBytes(envelope)) };
  };
}
