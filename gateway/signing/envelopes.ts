import { sha256 } from "../../core/hash";
import { signingBytes } from "../../core/signingBytes";
import type { EventEnvelope, RequestEnvelope, ResponseEnvelope } from "../gen/cairn/gateway/v1/gateway_pb";

/** A message's fields, without what Protobuf keeps beside them. */
export type Fields<M> = Omit<M, "$typeName" | "$unknown">;

/** The bytes that a device signs of a request: every field of the envelope, in the order of the field numbers. */
export function requestSigningBytes(envelope: Fields<RequestEnvelope>): Buffer {
  return signingBytes("cairn.gateway.request.v1", [
    envelope.protocolVersion,
    envelope.deviceSessionId,
    envelope.messageType,
    envelope.timestampMs,
    envelope.requestId,
    envelope.payloadHash,
    envelope.traceId,
  ]);
}

/** What a response and an event name their request by: SHA-256 of its signing bytes, 32 bytes. */
export function requestHash(envelope: Fields<RequestEnvelope>): Buffer {
  return sha256(requestSigningBytes(envelope));
}

/** The bytes that the gateway signs of a response: every field of the envelope, in the order of the field numbers. */
export function responseSigningBytes(envelope: Fields<ResponseEnvelope>): Buffer {
  return signingBytes("cairn.gateway.response.v1", [
    envelope.protocolVersion,
    envelope.deviceSessionId,
    envelope.messageType,
    envelope.timestampMs,
    envelope.requestId,
    envelope.requestHash,
    envelope.resultCode,
    envelope.payloadHash,
    envelope.traceId,
    envelope.keyId,
  ]);
}

/** The bytes that the gateway signs of an event: every field of the envelope, in the order of the field numbers. */
export function eventSigningBytes(envelope: Fields<EventEnvelope>): Buffer {
  return signingBytes("cairn.gateway.event.v1", [
    envelope.protocolVersion,
    envelope.deviceSessionId,
    envelope.eventType,
    envelope.eventId,
    envelope.timestampMs,
    envelope.cursor,
    envelope.subscriptionHash,
    envelope.position,
    envelope.payloadHash,
    envelope.traceId,
    envelope.keyId,
  ]);
}
