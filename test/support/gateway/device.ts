import { generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { sha256 } from "../../../core/hash";
import type { SignedRequest, WellFormedRequest } from "../../../gateway/envelope/envelope";
import { requestSigningBytes } from "../../../gateway/signing/envelopes";

/** A device with a key of its own. */
export interface Device {
  privateKey: KeyObject;
  /** Raw Ed25519 public key, 32 bytes. */
  publicKey: Buffer;
}

export function createDevice(): Device {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privateKey, publicKey: Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url") };
}

/** Signs a request as a device does; `changes` are made before. */
export function signedRequest(
  device: Pick<Device, "privateKey">,
  request: { deviceSessionId: string; messageType: string; payload: unknown },
  changes: Partial<WellFormedRequest["envelope"]> = {},
): SignedRequest & WellFormedRequest {
  const payloadBytes = Buffer.from(JSON.stringify(request.payload));
  const envelope = {
    protocolVersion: "v1",
    deviceSessionId: request.deviceSessionId,
    messageType: request.messageType,
    timestampMs: BigInt(Date.now()),
    requestId: randomUUID(),
    payloadHash: sha256(payloadBytes),
    traceId: "",
    ...changes,
  };
  return { envelope, payloadBytes, signature: sign(null, requestSigningBytes(envelope), device.privateKey) };
}

/** Signs a subscription: from now on, or after a cursor. */
export function subscription(device: Device, deviceSessionId: string, after?: bigint | number) {
  const payload = after === undefined ? {} : { after: String(after) };
  return signedRequest(device, { deviceSessionId, messageType: "gateway.subscribe", payload });
}
