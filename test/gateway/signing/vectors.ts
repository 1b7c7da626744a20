import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { possessionSigningBytes } from "../../../core/keys/devicePossession";
import { thumbprintOf } from "../../../core/keys/jws";
import { sha256 } from "../../../core/hash";
import type {
  EventEnvelope,
  RequestEnvelope,
  ResponseEnvelope,
} from "../../../gateway/gen/cairn/gateway/v1/gateway_pb";
import {
  eventSigningBytes,
  type Fields,
  requestHash,
  requestSigningBytes,
  responseSigningBytes,
} from "../../../gateway/signing/envelopes";

/** An Ed25519 key pair of the vectors: its seed is one byte, 32 times. */
export interface VectorKey {
  privateKey: KeyObject;
  raw: Buffer;
  kid: string;
}

export function keyOfSeed(byte: number): VectorKey {
  // PKCS #8 (RFC 8410 §7): the header of an Ed25519 key, then the seed.
  const header = Buffer.from("302e020100300506032b657004220420", "hex");
  const key = Buffer.concat([header, Buffer.alloc(32, byte)]);
  const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  const kid = thumbprintOf({ kty: "OKP", crv: "Ed25519", x });
  return { privateKey, raw: Buffer.from(x, "base64url"), kid };
}

export function signWith({ privateKey }: VectorKey, data: Uint8Array): Buffer {
  return sign(null, data, privateKey);
}

export const DEVICE = keyOfSeed(1);
export const GATEWAY = keyOfSeed(2);

/** The vectors' n-th UUID. */
export function uuid(n: number): string {
  const digits = (count: number) => String(n).repeat(count);
  return `${digits(8)}-${digits(4)}-4${digits(3)}-8${digits(3)}-${digits(12)}`;
}

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

export const COMMAND: Fields<RequestEnvelope> = {
  protocolVersion: "v1",
  deviceSessionId: uuid(1),
  messageType: "credentials.list",
  timestampMs: 1_780_000_000_000n,
  requestId: uuid(2),
  payloadHash: sha256('{"limit":20}'),
  traceId: TRACE_ID,
};

export const SUBSCRIPTION: Fields<RequestEnvelope> = {
  protocolVersion: "v1",
  deviceSessionId: uuid(1),
  messageType: "gateway.subscribe",
  timestampMs: 1_780_000_000_100n,
  requestId: uuid(3),
  payloadHash: sha256("{}"),
  traceId: "",
};

export const RESPONSE: Fields<ResponseEnvelope> = {
  protocolVersion: "v1",
  deviceSessionId: uuid(1),
  messageType: "credentials.list",
  timestampMs: 1_780_000_000_050n,
  requestId: uuid(2),
  requestHash: requestHash(COMMAND),
  resultCode: "ok",
  payloadHash: sha256('{"items":[]}'),
  traceId: TRACE_ID,
  keyId: GATEWAY.kid,
};

export const EVENT: Fields<EventEnvelope> = {
  protocolVersion: "v1",
  deviceSessionId: uuid(1),
  eventType: "gateway.server_time",
  eventId: uuid(4),
  timestampMs: 1_780_000_000_250n,
  cursor: 0n,
  subscriptionHash: requestHash(SUBSCRIPTION),
  position: 0n,
  payloadHash: sha256('{"server_time_ms":1780000000250}'),
  traceId: "",
  keyId: GATEWAY.kid,
};

export const POSSESSION = { challengeId: uuid(5), publicKey: DEVICE.raw };

/** The published vectors: signing bytes, their length, and the signature that Ed25519, being deterministic, gives. */
export const VECTORS = [
  {
    what: "a command",
    bytes: requestSigningBytes(COMMAND),
    length: 218,
    key: DEVICE,
    signature: "597DExonH4C2h6H7bqIZi3reNPX-YvM_D-lDcU04nATQTULUCJO98pMaZvGD5aw3piQS1eMtP0wW87lH4IjsBQ",
  },
  {
    what: "a subscription",
    bytes: requestSigningBytes(SUBSCRIPTION),
    length: 187,
    key: DEVICE,
    signature: "gQImFLRP-LMCn2e3rgWzvXQ65jNkNfjyZVFU-eT2wn1RAx7GYl0BRA-0Iws9IPmwL3GOqpN4zwXtAK-qJFplAA",
  },
  {
    what: "a response",
    bytes: responseSigningBytes(RESPONSE),
    length: 308,
    key: GATEWAY,
    signature: "4AZTVR09bDJLGUw4MqOX-P6ZzE2k2uwEBPy7vuPiPxvE1GE7KfU7Z7eQaX5UjRq1TejEFHVf30nF5YfbAi84DQ",
  },
  {
    what: "an event",
    bytes: eventSigningBytes(EVENT),
    length: 294,
    key: GATEWAY,
    signature: "gyYDm4Kz0aCauVwGmk43y_0bBUQdXAF9asUT29g-rgPm09SLGl-m77tnv6o7acJsIhCeS8KF1x_Si7mbWHK-AA",
  },
  {
    what: "a proof of possession",
    bytes: possessionSigningBytes(POSSESSION),
    length: 113,
    key: DEVICE,
    signature: "4yLQmQHWuzVdfsH3AOXy7b0j_7Cc5bPb6NeGZ3VQH_mTb9uVO3n_zys8LP_GJDoyjgwQoO-RvyRrNCnfqvq3Aw",
  },
];
