import type { Clock } from "../../core/clock";
import { sha256 } from "../../core/hash";
import type { VerifiedRequest } from "../envelope/verifyRequest";
import type { ResponseEnvelope } from "../gen/cairn/gateway/v1/gateway_pb";
import type { ResponseKeys } from "../keys/responseKeys";
import { type Fields, responseSigningBytes } from "../signing/envelopes";

/** What came of a command. */
export interface CommandResult {
  /** `ok`, or the stable code of the problem. */
  resultCode: string;
  /** JSON: the reply, or problem details. */
  payload: Uint8Array;
}

/** An answer as it goes out. */
export interface SignedResponse {
  envelope: Fields<ResponseEnvelope>;
  payloadBytes: Uint8Array;
  signature: Uint8Array;
}

/** Signs the result of a command: the answer names the request by its hash, and the key by its id. */
export async function signResponse(
  deps: { clock: Clock; keys: Pick<ResponseKeys, "current"> },
  { request: { envelope }, requestHash }: VerifiedRequest,
  { resultCode, payload }: CommandResult,
): Promise<SignedResponse> {
  const key = deps.keys.current();
  const signed: Fields<ResponseEnvelope> = {
    protocolVersion: envelope.protocolVersion,
    deviceSessionId: envelope.deviceSessionId,
    messageType: envelope.messageType,
    timestampMs: BigInt(deps.clock.now().getTime()),
    requestId: envelope.requestId,
    requestHash,
    resultCode,
    payloadHash: sha256(payload),
    traceId: envelope.traceId,
    keyId: key.kid,
  };
  return { envelope: signed, payloadBytes: payload, signature: await key.sign(responseSigningBytes(signed)) };
}
