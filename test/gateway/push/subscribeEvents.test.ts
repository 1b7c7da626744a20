import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { expect } from "chai";
import type { Redis } from "ioredis";
import { randomBytes, randomUUID } from "node:crypto";
import { verifyEd25519, importPublicKey } from "../../../core/keys/ed25519";
import { sha256 } from "../../../core/hash";
import { connectRedis } from "../../../core/redis";
import { GatewayService } from "../../../gateway/gen/cairn/gateway/v1/gateway_pb";
import { eventSigningBytes, requestHash } from "../../../gateway/signing/envelopes";
import { eventually } from "../../support/eventually";
import { factsOf } from "../../support/gateway/callers";
import { createDevice, type Device, signedRequest, subscription } from "../../support/gateway/device";
import { grpcClient, type GrpcEvent, type GrpcStream, subscribeByGrpc } from "../../support/gateway/grpcClient";
import { type InternalPort, startInternalPort } from "../../support/gateway/internalPort";
import { gatewayEnvironment, keysFolder, startGateway, type TestGateway } from "../../support/gateway/startGateway";
import { testRedisUrl } from "../../support/servers";
import type { ConfigPatch } from "../../support/testContext";

describe("SubscribeEvents", () => {
  const prefix = `test-${randomBytes(4).toString("hex")}`;
  const keys = keysFolder();
  const clients: { close(): void }[] = [];
  let redis: Redis;
  let api: InternalPort;
  let gateways: TestGateway[];
  let device: Device;
  let user: string;
  let session: string;

  before(async () => {
    redis = connectRedis({ url: testRedisUrl(), name: "test-push" });
    api = await startInternalPort(redis, prefix);
    // Nothing is left of the first 30 seconds of a Redis in which no request was reserved before.
    await redis.set(`${prefix}:gateway:{replay}:epoch`, "1");
  });
  beforeEach(() => {
    gateways = [];
    device = createDevice();
    user = randomUUID();
    session = api.addDevice(device, user);
    api.onRequest = api.onAnswer = () => undefined;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await Promise.all(gateways.map((gateway) => gateway.close(0)));
  });
  after(async () => {
    keys.remove();
    await api.close();
    redis.disconnect();
  });

  async function start(push: NonNullable<ConfigPatch["push"]> = {}): Promise<TestGateway> {
    const environment = gatewayEnvironment({ apiUrl: api.url, redisUrl: testRedisUrl(), prefix, keysDir: keys.path });
    const gateway = await startGateway(environment, { push });
    gateways.push(gateway);
    return gateway;
  }

  function subscribe(to: TestGateway, after?: number, from = { device, session }): GrpcStream {
    const client = grpcClient(to.grpc);
    clients.push(client);
    return subscribeByGrpc(client, subscription(from.device, from.session, after));
  }

  const types = ({ events }: GrpcStream) => events.map(({ envelope }) => envelope.eventType);
  const begun = (stream: GrpcStream) => eventually("the first event", () => stream.events.length > 0);
  const received = (stream: GrpcStream, cursor: number) =>
    eventually(`event ${cursor}`, () => stream.cursors().includes(cursor));
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const append = async (count: number, isAnnounced = true) => {
    for (let index = 0; index < count; index += 1) await api.append(user, "credential.issued", { index }, isAnnounced);
  };

  it("sends the server's time, what was missed and what happens, once, in order and signed", async () => {
    const gateway = await start();
    await append(3);
    const request = subscription(device, session, 1);
    const client = grpcClient(gateway.grpc);
    clients.push(client);
    const stream = subscribeByGrpc(client, request);
    await received(stream, 3);
    await append(2);
    await received(stream, 5);
    expect(types(stream)).to.deep.equal(["gateway.server_time", ...Array<string>(4).fill("credential.issued")]);
    expect(stream.cursors()).to.deep.equal([2, 3, 4, 5]);
    const [key] = gateway.context.keys.jwks().keys;
    const publicKey = importPublicKey(Buffer.from(key!.x, "base64url"));
    for (const [place, { envelope, payloadBytes, signature }] of stream.events.entries()) {
      const signed = asSigned({ envelope, payloadBytes, signature });
      expect(verifyEd25519({ key: publicKey, data: eventSigningBytes(signed), signature })).to.equal(true);
      expect(envelope).to.deep.include({ position: String(place), keyId: key!.kid, deviceSessionId: session });
      expect(envelope.subscriptionHash.equals(requestHash(request.envelope))).to.equal(true);
      expect(envelope.payloadHash.equals(sha256(payloadBytes))).to.equal(true);
    }
    expect(JSON.parse(stream.events[4]!.payloadBytes.toString())).to.deep.equal({ index: 1 });
  });

  const TRANSPORTS: Record<string, (baseUrl: string) => Transport> = {
    "gRPC-Web": (baseUrl) => createGrpcWebTransport({ baseUrl }),
    "Connect, binary": (baseUrl) => createConnectTransport({ baseUrl, useBinaryFormat: true }),
    "Connect, JSON": (baseUrl) => createConnectTransport({ baseUrl }),
  };
  for (const [protocol, transport] of Object.entries(TRANSPORTS)) {
    it(`sends the same over ${protocol}, until the session is revoked`, async () => {
      const gateway = await start();
      await append(1);
      const cursors: bigint[] = [];
      const read = async () => {
        const client = createClient(GatewayService, transport(gateway.http));
        for await (const { envelope } of client.subscribeEvents(subscription(device, session, 0))) {
          cursors.push(envelope!.cursor);
        }
      };
      const outcome = read().then(
        () => undefined,
        (error: unknown) => factsOf(ConnectError.from(error)),
      );
      await eventually("the missed event", () => cursors.length === 2);
      await append(1);
      await eventually("the next event", () => cursors.length === 3);
      await api.revoke(user, session);
      expect(await outcome).to.include({ code: Code.FailedPrecondition, reason: "SESSION_REVOKED", domain: "cairn" });
      expect(cursors).to.deep.equal([0n, 1n, 2n]);
    });
  }

  it("tells of a gap where more was missed than is caught up with", async () => {
    const gateway = await start({ catchUpEvents: 5 });
    await append(9);
    const stream = subscribe(gateway, 3);
    await eventually("the gap", () => stream.events.length === 2);
    expect(stream.events[1]!.envelope.eventType).to.equal("gateway.gap");
    expect(JSON.parse(stream.events[1]!.payloadBytes.toString())).to.deep.equal({ from: "4", to: "9" });
    await append(1);
    await received(stream, 10);
    expect(stream.cursors()).to.deep.equal([10]);
  });

  it("sends heartbeats, signed like events", async () => {
    const stream = subscribe(await start({ heartbeatSeconds: 0.05 }));
    await eventually("two heartbeats", () => stream.events.length >= 3);
    expect(types(stream).slice(0, 3)).to.deep.equal(["gateway.server_time", "gateway.heartbeat", "gateway.heartbeat"]);
  });

  it("refuses what is no subscription, and a cursor ahead of the events", async () => {
    const gateway = await start();
    const client = grpcClient(gateway.grpc);
    clients.push(client);
    const outcomeOf = async (messageType: string, payload: unknown) => {
      const { code, reason } = await subscribeByGrpc(
        client,
        signedRequest(device, { deviceSessionId: session, messageType, payload }),
      ).ended;
      return [code, reason];
    };
    const type = "gateway.subscribe";
    expect(await outcomeOf("credentials.list", {})).to.deep.equal(["UNIMPLEMENTED", "COMMAND_UNKNOWN"]);
    for (const payload of [{ after: 7 }, { after: "-1" }, { after: "07" }, { from: "7" }, [], null, "7"]) {
      expect(await outcomeOf(type, payload)).to.deep.equal(["INVALID_ARGUMENT", "PAYLOAD_INVALID"]);
    }
    expect(await outcomeOf(type, { after: "1" })).to.deep.equal(["OUT_OF_RANGE", "CURSOR_AHEAD"]);
    api.setState(session, "revoked");
    expect(await outcomeOf(type, {})).to.deep.equal(["FAILED_PRECONDITION", "SESSION_REVOKED"]);
    api.setState(session, "expired");
    expect(await outcomeOf(type, {})).to.deep.equal(["UNAUTHENTICATED", "SESSION_EXPIRED"]);
    api.onRequest = () => Promise.reject(new Error("no database"));
    expect(await outcomeOf(type, {})).to.deep.equal(["UNAVAILABLE", "BACKEND_UNAVAILABLE"]);
  });

  it("refuses streams beyond those that a session and a user may have", async () => {
    const gateway = await start({ limits: { streams: 4, streamsPerSession: 2, streamsPerUser: 3, queuedEvents: 256 } });
    const tablet = { device, session: api.addDevice(device, user) };
    const first = subscribe(gateway);
    for (const stream of [first, subscribe(gateway), subscribe(gateway, undefined, tablet)]) await begun(stream);
    expect(await subscribe(gateway).ended).to.include({ code: "RESOURCE_EXHAUSTED", reason: "STREAMS_SESSION" });
    const ended = await subscribe(gateway, undefined, tablet).ended;
    expect(ended).to.include({ code: "RESOURCE_EXHAUSTED", reason: "STREAMS_USER" });
    first.call.cancel();
    await eventually("the place", async () => {
      const again = subscribe(gateway);
      return Promise.race([again.ended.then(() => false), begun(again).then(() => true)]);
    });
  });

  describe("when a session is revoked", () => {
    it("ends its streams at every gateway with FAILED_PRECONDITION, and tells the user's others", async () => {
      const tablet = { device, session: api.addDevice(device, user) };
      const [one, other] = [await start(), await start()];
      const [here, there, kept] = [subscribe(one), subscribe(other), subscribe(one, undefined, tablet)];
      await Promise.all([here, there, kept].map(begun));
      await api.revoke(user, session);
      for (const stream of [here, there]) {
        expect(await stream.ended).to.include({ code: "FAILED_PRECONDITION", reason: "SESSION_REVOKED" });
        expect(stream.cursors()).to.deep.equal([]);
      }
      await received(kept, 1);
      expect(types(kept)).to.deep.equal(["gateway.server_time", "session.invalidated"]);
    });

    it("opens no stream whose session is revoked at any moment of subscribing", async () => {
      const gateway = await start();
      for (const moment of ["before reading 1", "after reading 1", "before reading 2", "after reading 2"]) {
        const own = { device, session: api.addDevice(device, user) };
        let readings = 0;
        const reached = async (when: string) => {
          if (`${when} reading ${readings}` === moment) await api.revoke(user, own.session);
        };
        api.onRequest = async (path) => {
          if (!path.endsWith(own.session)) return;
          readings += 1;
          await reached("before");
        };
        api.onAnswer = (path) => (path.endsWith(own.session) ? reached("after") : undefined);
        const { code, reason } = await subscribe(gateway, undefined, own).ended;
        expect([code, reason], moment).to.deep.equal(["FAILED_PRECONDITION", "SESSION_REVOKED"]);
      }
    });

    it("ends whichever comes first of 16 subscriptions raced with the revocation", async () => {
      const gateway = await start({
        limits: { streams: 99, streamsPerSession: 99, streamsPerUser: 99, queuedEvents: 256 },
      });
      const streams = Array.from({ length: 16 }, () => subscribe(gateway));
      await api.revoke(user, session);
      for (const stream of streams) {
        expect(await stream.ended).to.include({ code: "FAILED_PRECONDITION", reason: "SESSION_REVOKED" });
      }
    });

    it("is found out by the check of sessions where the event was lost", async () => {
      const stream = subscribe(await start({ sessionCheckSeconds: 0.05 }));
      await begun(stream);
      api.setState(session, "revoked");
      expect(await stream.ended).to.include({ code: "FAILED_PRECONDITION", reason: "SESSION_REVOKED" });
    });
  });

  it("ends when it is old, to be opened again after its cursor", async () => {
    const gateway = await start({ streamSeconds: 0.3 });
    await append(2);
    const first = subscribe(gateway, 0);
    expect(await first.ended).to.include({ code: "UNAVAILABLE", reason: "STREAM_TOO_OLD" });
    await append(1);
    const second = subscribe(gateway, first.cursors().at(-1));
    await received(second, 3);
    expect([...first.cursors(), ...second.cursors()]).to.deep.equal([1, 2, 3]);
  });

  it("loses no event when the events are announced late, twice, in disorder or not at all", async () => {
    const stream = subscribe(await start({ sessionCheckSeconds: 0.1 }));
    await begun(stream);
    await append(5, false);
    for (const seq of [2, 1, 2, 5, 1]) await api.announce(user, seq);
    await received(stream, 5);
    await append(3, false);
    await received(stream, 8);
    expect(stream.cursors()).to.deep.equal(range(1, 8));
  });

  it("goes on when the API is away, without a gap", async () => {
    const stream = subscribe(await start({ heartbeatSeconds: 0.1 }));
    await begun(stream);
    api.onRequest = () => Promise.reject(new Error("no database"));
    await append(1, false);
    await append(1);
    await eventually("a heartbeat meanwhile", () => types(stream).includes("gateway.heartbeat"));
    expect(stream.cursors()).to.deep.equal([]);
    api.onRequest = () => undefined;
    await received(stream, 2);
    expect(stream.cursors()).to.deep.equal([1, 2]);
  });

  it("gives up its place when its reader goes, also while a write waits for it", async () => {
    const gateway = await start();
    const size = () =>
      gateway.parts.flatMap(({ gauges }) => gauges ?? []).find(({ name }) => name === "cairn_gateway_streams")!;
    for (const isStuck of [false, true]) {
      const stream = subscribe(gateway);
      await begun(stream);
      if (isStuck) {
        stream.call.pause();
        const payload = { text: "x".repeat(32_768) };
        for (let count = 0; count < 20; count += 1) await api.append(user, "credential.issued", payload);
      }
      expect(await size().read()).to.equal(1);
      stream.call.cancel();
      await eventually("the place to be free", async () => (await size().read()) === 0);
    }
  });
});

function asSigned({ envelope }: GrpcEvent) {
  return {
    ...envelope,
    timestampMs: BigInt(envelope.timestampMs),
    cursor: BigInt(envelope.cursor),
    position: BigInt(envelope.position),
  };
}
