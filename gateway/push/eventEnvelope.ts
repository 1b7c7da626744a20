import { create } from "@bufbuild/protobuf";
import { sha256 } from "../../core/hash";
import { PROTOCOL_VERSION } from "../envelope/envelope";
import {
  EventEnvelopeSchema,
  type SubscribeEventsResponse,
  SubscribeEventsResponseSchema,
} from "../gen/cairn/gateway/v1/gateway_pb";
import { eventSigningBytes } from "../signing/envelopes";
import type { OutgoingEvent } from "./outgoing";

/** The key that events are signed with now; it changes while a stream is open. */
export interface EventSigner {
  /** JWK thumbprint (RFC 7638) of the key to sign with. */
  keyId(): string;
  /** Ed25519. */
  sign(keyId: string, data: Uint8Array): Promise<Uint8Array>;
}

/** What the events of one stream have in common. */
export interface StreamIdentity {
  deviceSessionId: string;
  /** SHA-256 of the signing bytes of the request that subscribed. */
  subscriptionHash: Uint8Array;
  /** Of that request. */
  traceId: string;
}

/** Numbers and signs the events of one stream. @returns a function that takes them in the order they are sent in */
export function createEventEncoder(
  signer: EventSigner,
  { deviceSessionId, subscriptionHash, traceId }: StreamIdentity,
): (event: OutgoingEvent) => Promise<SubscribeEventsResponse> {
  let position = 0n;
  return async ({ id, type, atMs, cursor, payload }) => {
    const payloadBytes = Buffer.from(payload, "utf8");
    const keyId = signer.keyId();
    const envelope = create(EventEnvelopeSchema, {
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
      keyId,
    });
    const signature = await signer.sign(keyId, eventSigningBytes(envelope));
    return create(SubscribeEventsResponseSchema, { envelope, payloadBytes, signature });
  };
}
