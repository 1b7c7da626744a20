import type { Fields } from "../signing/envelopes";
import type { RequestEnvelope } from "../gen/cairn/gateway/v1/gateway_pb";
import { SIGNATURE_BYTES } from "../../core/keys/ed25519";
import { type Rejection, reject } from "./rejection";

/** What a device sends, of ExecuteCommand and SubscribeEvents alike. */
export interface SignedRequest {
  envelope?: Fields<RequestEnvelope> | undefined;
  payloadBytes: Uint8Array;
  signature: Uint8Array;
}

/** A request whose envelope has the form that the protocol asks for. */
export type WellFormedRequest = SignedRequest & { envelope: Fields<RequestEnvelope> };

/** The protocol that this gateway speaks. */
export const PROTOCOL_VERSION = "v1";

/** The longest payload, in bytes. */
export const MAX_PAYLOAD_BYTES = 65_536;

const HASH_BYTES = 32;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MESSAGE_TYPE = /^[a-z][a-z0-9_.]{0,63}$/;
const VERSION = /^[a-z0-9.]{1,16}$/;
const TRACE_ID = /^([0-9a-f]{32})?$/;

/** The first field that has not its form, with what the form is. */
function problemOf({ envelope, payloadBytes, signature }: WellFormedRequest): string | undefined {
  const problems: [is: boolean, problem: string][] = [
    [!VERSION.test(envelope.protocolVersion), "protocol_version is not 1 to 16 lower-case letters, digits or dots"],
    [!UUID.test(envelope.deviceSessionId), "device_session_id is not a UUID in lower case"],
    [!MESSAGE_TYPE.test(envelope.messageType), "message_type is not of the form [a-z][a-z0-9_.]{0,63}"],
    [envelope.timestampMs <= 0n, "timestamp_ms is not positive"],
    [!UUID.test(envelope.requestId), "request_id is not a UUID in lower case"],
    [envelope.payloadHash.length !== HASH_BYTES, `payload_hash is not ${HASH_BYTES} bytes`],
    [!TRACE_ID.test(envelope.traceId), "trace_id is neither empty nor 32 lower-case hexadecimal digits"],
    [payloadBytes.length > MAX_PAYLOAD_BYTES, `payload_bytes is longer than ${MAX_PAYLOAD_BYTES} bytes`],
    [signature.length !== SIGNATURE_BYTES, `signature is not ${SIGNATURE_BYTES} bytes`],
  ];
  return problems.find(([is]) => is)?.[1];
}

/**
 * Validates the form of a request and its protocol version. Whether the payload is JSON is decided by whoever reads it:
 * here it is hashed and passed on untouched.
 */
export function validateEnvelope(
  request: SignedRequest,
): { request: WellFormedRequest; rejection?: never } | { rejection: Rejection } {
  const { envelope } = request;
  if (envelope === undefined) return { rejection: reject("ENVELOPE_INVALID", { detail: "it is missing" }) };
  const wellFormed = { envelope, payloadBytes: request.payloadBytes, signature: request.signature };
  const problem = problemOf(wellFormed);
  if (problem !== undefined) return { rejection: reject("ENVELOPE_INVALID", { detail: problem }) };
  if (envelope.protocolVersion !== PROTOCOL_VERSION) return { rejection: reject("PROTOCOL_UNSUPPORTED") };
  return { request: wellFormed };
}
