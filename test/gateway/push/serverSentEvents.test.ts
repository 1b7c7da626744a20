import { expect } from "chai";
import type { Redis } from "ioredis";
import { randomBytes, randomUUID } from "node:crypto";
import { connect } from "node:net";
import { connectRedis } from "../../../core/redis";
import { eventually } from "../../support/eventually";
import { type EventStream, readEvents } from "../../support/gateway/eventSource";
import { type InternalPort, startInternalPort } from "../../support/gateway/internalPort";
import { gatewayEnvironment, keysFolder, startGateway, type TestGateway } from "../../support/gateway/startGateway";
import { testRedisUrl } from "../../support/servers";
import type { ConfigPatch } from "../../support/testContext";

const ORIGIN = "https://app.example.org";

describe("events for browser sessions", () => {
  const prefix = `test-${randomBytes(4).toString("hex")}`;
  const keys = keysFolder();
  const streams: EventStream[] = [];
  let redis: Redis;
  let api: InternalPort;
  let gateways: TestGateway[];
  let user: string;
  let session: { sessionId: string; token: string };

  before(async () => {
    redis = connectRedis({ url: testRedisUrl(), name: "test-sse" });
    api = await startInternalPort(redis, prefix);
  });
  beforeEach(() => {
    gateways = [];
    user = randomUUID();
    session = api.addBrowser(user);
    api.onRequest = () => undefined;
  });
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close();
    await Promise.all(gateways.map((gateway) => gateway.close(0)));
  });
  after(async () => {
    keys.remove();
    await api.close();
    redis.disconnect();
  });

  async function start(push: NonNullable<ConfigPatch["push"]> = {}): Promise<TestGateway> {
    const environment = gatewayEnvironment({ apiUrl: api.url, redisUrl: testRedisUrl(), prefix, keysDir: keys.path });
    const gateway = await startGateway(environment, { push, gateway: { corsOrigins: [ORIGIN] } });
    gateways.push(gateway);
    return gateway;
  }

  async function open(
    gateway: TestGateway,
    { headers = {}, query = "" }: { headers?: Record<string, string>; query?: string } = {},
  ): Promise<EventStream> {
    const authorization = `Bearer ${session.token}`;
    const stream = await readEvents(`${gateway.http}/api/v1/events${query}`, { authorization, ...headers });
    streams.push(stream);
    return stream;
  }

  const append = async (count: number) => {
    for (let index = 0; index < count; index += 1) await api.append(user, "kyc.changed", { index });
  };
  const received = (stream: EventStream, cursor: number) =>
    eventually(`event ${cursor}`, () => stream.cursors().includes(cursor));

  it("are the events of the session's user, with their cursors as ids", async () => {
    const gateway = await start();
    await append(2);
    const stream = await open(gateway);
    expect(stream.headers.get("content-type")).to.equal("text/event-stream");
    expect(stream.headers.get("cache-control")).to.equal("no-store");
    await eventually("the first event", () => stream.events.length > 0);
    await append(2);
    await received(stream, 4);
    expect(stream.events.map(({ type, id }) => [type, id])).to.deep.equal([
      ["gateway.server_time", "2"],
      ["kyc.changed", "3"],
      ["kyc.changed", "4"],
    ]);
    expect(stream.events[0]!.data.payload).to.include({ after: "2" });
    expect(stream.events[2]!.data.payload).to.deep.equal({ index: 1 });
    expect(stream.events[2]!.data.id).to.match(/^[0-9a-f-]{36}$/);
  });

  it("go on after Last-Event-ID, or after the cursor that a page begins with", async () => {
    const gateway = await start();
    await append(4);
    const again = await open(gateway, { headers: { "last-event-id": "2" }, query: "?after=0" });
    await received(again, 4);
    expect(again.cursors()).to.deep.equal([3, 4]);
    const first = await open(gateway, { query: "?after=1" });
    await received(first, 4);
    expect(first.cursors()).to.deep.equal([2, 3, 4]);
  });

  it("move the browser's cursor past a gap, and are no cursor where they are none", async () => {
    const gateway = await start({ catchUpEvents: 2, heartbeatSeconds: 0.05 });
    await append(4);
    const stream = await open(gateway, { query: "?after=0" });
    await eventually("a heartbeat", () => stream.events.length === 3);
    expect(stream.events.map(({ type, id }) => [type, id])).to.deep.equal([
      ["gateway.server_time", "0"],
      ["gateway.gap", "4"],
      ["gateway.heartbeat", undefined],
    ]);
  });

  it("take the session's cookie in the place of a header", async () => {
    const gateway = await start();
    const cookie = `a=b; __Host-cairn-session=${session.token}`;
    const stream = await readEvents(`${gateway.http}/api/v1/events`, { cookie });
    streams.push(stream);
    await eventually("the first event", () => stream.events.length > 0);
  });

  it("end when the session is revoked, and say so", async () => {
    const other = api.addBrowser(user);
    const gateway = await start();
    const stream = await open(gateway);
    const kept = await open(gateway, { headers: { authorization: `Bearer ${other.token}` } });
    await eventually("both to begin", () => stream.events.length + kept.events.length === 2);
    await api.revoke(user, session.sessionId);
    await stream.ended;
    const last = stream.events.at(-1)!;
    expect(last.type).to.equal("gateway.closed");
    expect(last.data).to.include({ status: "FAILED_PRECONDITION", reason: "SESSION_REVOKED" });
    await received(kept, 1);
    expect((await open(gateway)).status).to.equal(401);
  });

  it("end when the session has expired, which is asked again and again", async () => {
    const gateway = await start({ sessionCheckSeconds: 0.05 });
    const stream = await open(gateway);
    await eventually("the first event", () => stream.events.length > 0);
    api.setState(session.sessionId, "expired");
    await stream.ended;
    expect(stream.events.at(-1)!.data).to.include({ status: "UNAUTHENTICATED", reason: "SESSION_EXPIRED" });
  });

  it("end when the gateway stops, and hold it no longer than that", async () => {
    const gateway = await start();
    const stream = await open(gateway);
    await eventually("the first event", () => stream.events.length > 0);
    expect(await gateway.close(20_000)).to.equal(true);
    await stream.ended;
    expect(stream.events.at(-1)!.data).to.include({ status: "UNAVAILABLE", reason: "GATEWAY_STOPPING" });
    gateways.splice(0);
  });

  it("are refused with problem details", async () => {
    const gateway = await start({ limits: { streams: 9, streamsPerSession: 1, streamsPerUser: 9, queuedEvents: 256 } });
    const answerOf = async (options: Parameters<typeof open>[1]) => {
      const { status, problem } = await open(gateway, options);
      return [status, problem["code"]];
    };
    expect(await answerOf({ headers: { authorization: "" } })).to.deep.equal([401, "session.missing"]);
    expect(await answerOf({ headers: { authorization: "Basic eDp5" } })).to.deep.equal([401, "session.missing"]);
    expect(await answerOf({ headers: { authorization: "Bearer SES-x" } })).to.deep.equal([401, "session.unknown"]);
    expect(await answerOf({ query: "?after=x" })).to.deep.equal([400, "payload.invalid"]);
    expect(await answerOf({ headers: { "last-event-id": "1" } })).to.deep.equal([409, "cursor.ahead"]);
    const stream = await open(gateway);
    await eventually("the first event", () => stream.events.length > 0);
    expect(await answerOf({})).to.deep.equal([429, "streams.session"]);
    api.setState(session.sessionId, "expired");
    expect(await answerOf({})).to.deep.equal([401, "session.expired"]);
    api.onRequest = () => Promise.reject(new Error("no database"));
    expect(await answerOf({})).to.deep.equal([503, "backend.unavailable"]);
  });

  it("are for pages of the allowed origins", async () => {
    const gateway = await start();
    const allowedFor = async (origin: string) =>
      (await open(gateway, { headers: { origin } })).headers.get("access-control-allow-origin");
    expect(await allowedFor(ORIGIN)).to.equal(ORIGIN);
    expect(await allowedFor("https://evil.example.org")).to.equal(null);
    const preflight = await fetch(`${gateway.http}/api/v1/events`, {
      method: "OPTIONS",
      headers: {
        origin: ORIGIN,
        "access-control-request-method": "GET",
        "access-control-request-headers": "last-event-id",
      },
    });
    expect(preflight.headers.get("access-control-allow-headers")?.toLowerCase()).to.include("last-event-id");
  });

  it("answer HEAD without opening a stream", async () => {
    const gateway = await start();
    const headers = { authorization: `Bearer ${session.token}` };
    const response = await fetch(`${gateway.http}/api/v1/events`, { method: "HEAD", headers });
    expect([response.status, response.headers.get("content-type")]).to.deep.equal([200, "text/event-stream"]);
  });

  it("cut a reader that reads nothing once too many events wait for it", async () => {
    const gateway = await start({
      limits: { streams: 9, streamsPerSession: 3, streamsPerUser: 9, queuedEvents: 16 },
      drainSeconds: 0.1,
    });
    const socket = connect(Number(new URL(gateway.http).port), "127.0.0.1");
    socket.pause();
    let isCut = false;
    socket.on("close", () => (isCut = true)).on("error", () => undefined);
    socket.write(`GET /api/v1/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${session.token}\r\n\r\n`);
    await eventually("the stream", async () => (await metric(gateway, "cairn_gateway_streams")) === 1);
    const payload = { text: "x".repeat(65_536) };
    await eventually("the end of the stream", async () => {
      await api.append(user, "kyc.changed", payload);
      return (await metric(gateway, 'cairn_gateway_streams_ended_total{reason="reader_slow"}')) === 1;
    });
    await eventually("the connection to be cut", () => {
      // It notices only when it says something.
      if (!isCut) socket.write("x");
      return isCut;
    });
  });
});

async function metric({ context, parts }: TestGateway, name: string): Promise<number> {
  if (name === "cairn_gateway_streams") {
    const gauge = parts.flatMap(({ gauges }) => gauges ?? []).find((one) => one.name === name);
    return Number(await gauge?.read());
  }
  const line = (await context.metrics.metrics()).split("\n").find((text) => text.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1) ?? 0);
}
