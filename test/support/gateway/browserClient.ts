import type { webcrypto } from "node:crypto";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import {
  type EventEnvelope,
  GatewayService,
  type ResponseEnvelope,
} from "../../../gateway/gen/cairn/gateway/v1/gateway_pb";

/**
 * A client in a browser, which knows nothing of ours but the protocol: keys and signatures are those of Web Crypto. It
 * is bundled for the page of a test.
 */

type Bytes = Uint8Array<ArrayBuffer>;

const text = (value: string): Bytes => new TextEncoder().encode(value);
const sha256 = async (data: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest("SHA-256", data));

function integer(value: bigint): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** LP(tag), then LP(field) for every field: docs/gateway.md. */
function signingBytes(tag: string, fields: (string | bigint | Uint8Array)[]): Bytes {
  const parts = [tag, ...fields].map((field) => {
    if (typeof field === "string") return text(field);
    return typeof field === "bigint" ? integer(field) : field;
  });
  const bytes = new Uint8Array(parts.reduce((length, part) => length + 4 + part.length, 0));
  let at = 0;
  for (const part of parts) {
    new DataView(bytes.buffer).setUint32(at, part.length);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

interface Keys {
  privateKey: webcrypto.CryptoKey;
  publicKey: webcrypto.CryptoKey;
}

let keys: Keys | undefined;

/** Makes the device's key. @returns the raw public key, base64url */
async function register(): Promise<string> {
  keys = (await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"])) as Keys;
  return (await crypto.subtle.exportKey("jwk", keys.publicKey)).x ?? "";
}

async function signed(deviceSessionId: string, messageType: string, payload: object) {
  if (keys === undefined) throw new Error("register first");
  const payloadBytes = text(JSON.stringify(payload));
  const envelope = {
    protocolVersion: "v1",
    deviceSessionId,
    messageType,
    timestampMs: BigInt(Date.now()),
    requestId: crypto.randomUUID(),
    payloadHash: await sha256(payloadBytes),
    traceId: "",
  };
  const bytes = signingBytes("cairn.gateway.request.v1", Object.values(envelope));
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", keys.privateKey, bytes));
  return { request: { envelope, payloadBytes, signature }, hash: await sha256(bytes) };
}

async function isByGateway(baseUrl: string, keyId: string, bytes: Bytes, signature: Uint8Array): Promise<boolean> {
  const answer = await fetch(`${baseUrl}/.well-known/cairn-gateway-keys`);
  const jwks = (await answer.json()) as { keys: { kid: string; kty: string; crv: string; x: string }[] };
  const jwk = jwks.keys.find(({ kid }) => kid === keyId);
  if (jwk === undefined) return false;
  const key = await crypto.subtle.importKey("jwk", jwk, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, new Uint8Array(signature), bytes);
}

function fieldsOf(envelope: ResponseEnvelope) {
  const { protocolVersion, deviceSessionId, messageType, timestampMs, requestId } = envelope;
  const { requestHash, resultCode, payloadHash, traceId, keyId } = envelope;
  return [
    ...[protocolVersion, deviceSessionId, messageType, timestampMs, requestId],
    ...[requestHash, resultCode, payloadHash, traceId, keyId],
  ];
}

function fieldsOfEvent(envelope: EventEnvelope) {
  const { protocolVersion, deviceSessionId, eventType, eventId, timestampMs } = envelope;
  const { cursor, subscriptionHash, position, payloadHash, traceId, keyId } = envelope;
  return [
    ...[protocolVersion, deviceSessionId, eventType, eventId, timestampMs],
    ...[cursor, subscriptionHash, position, payloadHash, traceId, keyId],
  ];
}

const TRANSPORTS = {
  "gRPC-Web": (baseUrl: string) => createGrpcWebTransport({ baseUrl }),
  Connect: (baseUrl: string) => createConnectTransport({ baseUrl }),
};

type Protocol = keyof typeof TRANSPORTS;

function clientOf(protocol: Protocol, baseUrl: string): Client<typeof GatewayService> {
  return createClient(GatewayService, TRANSPORTS[protocol](baseUrl));
}

/** Executes a command. @returns what the answer says, and whether it is the gateway's to this request */
async function execute(protocol: Protocol, baseUrl: string, deviceSessionId: string, messageType: string) {
  const { request, hash } = await signed(deviceSessionId, messageType, {});
  const { envelope, payloadBytes, signature } = await clientOf(protocol, baseUrl).executeCommand(request);
  if (envelope === undefined) throw new Error("the answer has no envelope");
  const bytes = signingBytes("cairn.gateway.response.v1", fieldsOf(envelope));
  return {
    resultCode: envelope.resultCode,
    payload: JSON.parse(new TextDecoder().decode(payloadBytes)) as unknown,
    isSigned: await isByGateway(baseUrl, envelope.keyId, bytes, signature),
    isOurs: String(envelope.requestHash) === String(hash),
  };
}

/** Subscribes and reads the first event. @returns its type, and whether it is the gateway's of this subscription */
async function subscribe(protocol: Protocol, baseUrl: string, deviceSessionId: string) {
  const { request, hash } = await signed(deviceSessionId, "gateway.subscribe", {});
  const stop = new AbortController();
  for await (const { envelope, signature } of clientOf(protocol, baseUrl).subscribeEvents(request, {
    signal: stop.signal,
  })) {
    if (envelope === undefined) throw new Error("the event has no envelope");
    const bytes = signingBytes("cairn.gateway.event.v1", fieldsOfEvent(envelope));
    const isSigned = await isByGateway(baseUrl, envelope.keyId, bytes, signature);
    stop.abort();
    return { type: envelope.eventType, isSigned, isOurs: String(envelope.subscriptionHash) === String(hash) };
  }
  throw new Error("the stream ended without an event");
}

Object.assign(globalThis, { device: { register, execute, subscribe } });
