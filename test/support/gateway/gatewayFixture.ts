import { ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import type { Redis } from "ioredis";
import { randomBytes, randomUUID } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { sha256 } from "../../../core/hash";
import { importPublicKey, verifyEd25519 } from "../../../core/keys/ed25519";
import { connectRedis } from "../../../core/redis";
import type { SignedRequest, WellFormedRequest } from "../../../gateway/envelope/envelope";
import type { ExecuteCommandResponse } from "../../../gateway/gen/cairn/gateway/v1/gateway_pb";
import { requestHash, responseSigningBytes } from "../../../gateway/signing/envelopes";
import { testRedisUrl } from "../servers";
import type { ConfigPatch } from "../testContext";
import { type Caller, CALLERS, factsOf } from "./callers";
import { createDevice, type Device, signedRequest } from "./device";
import { type MockApi, startMockApi } from "./mockApi";
import { gatewayEnvironment, keysFolder, startGateway, type TestGateway } from "./startGateway";

/** A user's device with a session. */
export interface Actor {
  device: Device;
  userId: string;
  deviceSessionId: string;
  /** A signed command; `changes` of the envelope are made before it is signed. */
  command(messageType: string, payload?: unknown, changes?: Partial<WellFormedRequest["envelope"]>): WellFormedRequest;
}

/** Gateways in this process before one mock of the API. */
export interface GatewayFixture {
  api: MockApi;
  redis: Redis;
  prefix: string;
  environment: Record<string, string>;
  /** A gateway of this fixture; ended with it. */
  start(patch?: ConfigPatch): Promise<TestGateway>;
  newActor(): Promise<Actor>;
  /** A client; closed with the fixture. */
  caller(protocol: string, to: { grpc: string; http: string }): Caller;
  close(): Promise<void>;
}

/** @param options.redisUrl of the gateways; the suite's when absent */
export async function gatewayFixture(options: { redisUrl?: string } = {}): Promise<GatewayFixture> {
  const prefix = `test-${randomBytes(4).toString("hex")}`;
  const keys = keysFolder();
  const redis = connectRedis({ url: testRedisUrl(), name: "test-gateway" });
  const api = await startMockApi({ redis, prefix });
  const redisUrl = options.redisUrl ?? testRedisUrl();
  const environment = gatewayEnvironment({ apiUrl: api.url, redisUrl, prefix, keysDir: keys.path });
  const opened: { close(): unknown }[] = [];
  await forgetFirstSeconds(redis, prefix);
  return {
    api,
    redis,
    prefix,
    environment,
    async start(patch = {}) {
      const gateway = await startGateway(environment, patch);
      opened.push({ close: () => gateway.close(0) });
      return gateway;
    },
    async newActor() {
      const device = createDevice();
      const userId = randomUUID();
      return actorOf(device, userId, await api.addDevice(device, userId));
    },
    caller(protocol, to) {
      const caller = CALLERS[protocol]?.(to);
      if (caller === undefined) throw new Error(`there is no client of ${protocol}`);
      opened.push(caller);
      return caller;
    },
    async close() {
      for (const one of opened.splice(0).reverse()) await one.close();
      await api.close();
      redis.disconnect();
      keys.remove();
    },
  };
}

/** As if Redis had been in use for long: nothing is left of the 30 seconds that a new one refuses. */
export async function forgetFirstSeconds(redis: Redis, prefix: string): Promise<void> {
  await redis.set(`${prefix}:gateway:{replay}:epoch`, "1");
}

export function actorOf(device: Device, userId: string, deviceSessionId: string): Actor {
  return {
    device,
    userId,
    deviceSessionId,
    command: (messageType, payload = {}, changes = {}) =>
      signedRequest(device, { deviceSessionId, messageType, payload }, changes),
  };
}

/** The rejection of a call: its status and details; fails when the call is answered. */
export async function rejected(call: Promise<unknown>): Promise<ReturnType<typeof factsOf>> {
  let answer;
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof ConnectError) return factsOf(error);
    throw error;
  }
  throw new Error(
    `the call was answered: ${JSON.stringify(answer, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value))}`,
  );
}

/** The gateway's published keys, by kid. */
export async function publishedKeys(http: string): Promise<Map<string, KeyObject>> {
  const answer = await fetch(`${http}/.well-known/cairn-gateway-keys`);
  const { keys } = (await answer.json()) as { keys: { kid: string; x: string }[] };
  return new Map(keys.map(({ kid, x }) => [kid, importPublicKey(Buffer.from(x, "base64url"))]));
}

/** What a signed response says, once it is known to be the gateway's answer to this request. */
export async function verifiedResponse(
  http: string,
  request: SignedRequest,
  response: ExecuteCommandResponse,
): Promise<{ resultCode: string; payload: Record<string, unknown> }> {
  const { envelope, payloadBytes, signature } = response;
  if (envelope === undefined || request.envelope === undefined) throw new Error("an envelope is missing");
  const key = (await publishedKeys(http)).get(envelope.keyId);
  if (key === undefined) throw new Error(`the key ${envelope.keyId} is not published`);
  expect(verifyEd25519({ key, data: responseSigningBytes(envelope), signature }), "signed by the gateway").to.equal(
    true,
  );
  expect(Buffer.from(envelope.requestHash), "of this request").to.deep.equal(requestHash(request.envelope));
  expect(Buffer.from(envelope.payloadHash), "with this payload").to.deep.equal(sha256(payloadBytes));
  const { deviceSessionId, messageType, requestId, traceId } = request.envelope;
  expect(envelope).to.include({ protocolVersion: "v1", deviceSessionId, messageType, requestId, traceId });
  const payload = JSON.parse(Buffer.from(payloadBytes).toString("utf8")) as Record<string, unknown>;
  return { resultCode: envelope.resultCode, payload };
}
