import { expect } from "chai";
import type { Redis } from "ioredis";
import { randomBytes, randomUUID } from "node:crypto";
import { connectRedis } from "../../../core/redis";
import type { Service } from "../../../embedded/service";
import { startRedis } from "../../../embedded/startRedis";
import { bareEnv, killHard, workbench } from "../../embedded/workbench";
import { eventually } from "../../support/eventually";
import { createDevice, type Device, subscription } from "../../support/gateway/device";
import { readEvents } from "../../support/gateway/eventSource";
import { forgetFirstSeconds } from "../../support/gateway/gatewayFixture";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gatewayProcess";
import { grpcClient, type GrpcStream, subscribeByGrpc } from "../../support/gateway/grpcClient";
import { type InternalPort, startInternalPort } from "../../support/gateway/internalPort";
import { gatewayEnvironment, keysFolder } from "../../support/gateway/startGateway";

/** What grpc-js makes of RST_STREAM with ENHANCE_YOUR_CALM. */
const BANDWIDTH = "Bandwidth exhausted or memory limit exceeded";

const KILLS = 3;
const EVENTS_EACH = 30;

describe("streams of gateways that are killed, stopped or lose Redis", () => {
  const bench = workbench();
  const keys = keysFolder();
  const exits: unknown[] = [];
  const clients: { close(): void }[] = [];
  const prefix = `test-${randomBytes(4).toString("hex")}`;
  let service: Service;
  let redis: Redis;
  let api: InternalPort;
  let gateways: GatewayProcess[];
  let device: Device;
  let user: string;
  let session: string;

  before(async () => {
    const onExit = (exit: unknown) => exits.push(exit);
    service = bench.keep(await startRedis({ dataDir: bench.folder(), persistent: false, env: bareEnv(), onExit }));
    redis = connectRedis({ url: service.url, name: "test-outages" });
    api = await startInternalPort(redis, prefix);
  });
  beforeEach(async () => {
    await forgetFirstSeconds(redis, prefix);
    gateways = [];
    device = createDevice();
    user = randomUUID();
    session = api.addDevice(device, user);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const gateway of gateways) gateway.process.kill("SIGKILL");
    await Promise.all(gateways.map(({ ended }) => ended));
  });
  after(async () => {
    keys.remove();
    await api.close();
    redis.disconnect();
    await bench.clear();
  });

  async function start(): Promise<GatewayProcess> {
    const options = { apiUrl: api.url, redisUrl: service.url, prefix, keysDir: keys.path };
    const gateway = await startGatewayProcess({ ...gatewayEnvironment(options), PUSH_SESSION_CHECK_SECONDS: "1" });
    gateways.push(gateway);
    return gateway;
  }

  function subscribe(to: GatewayProcess, after?: number): GrpcStream {
    const client = grpcClient(to.grpc);
    clients.push(client);
    return subscribeByGrpc(client, subscription(device, session, after));
  }

  /** Events happen until a stream has received so many. */
  const happen = (streams: () => GrpcStream[], count: number) =>
    eventually(`event ${count}`, async () => {
      await api.append(user, "credential.issued", { at: "once" });
      return streams().every((stream) => (stream.cursors().at(-1) ?? 0) >= count);
    });
  const received = (stream: GrpcStream, cursor: number) =>
    eventually(`event ${cursor}`, () => stream.cursors().at(-1) === cursor);
  const begun = (stream: GrpcStream) => eventually("the first event", () => stream.events.length > 0);
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

  it("have no gap and nothing twice past the reader's cursor when each gateway is killed in the middle", async () => {
    const cursors: number[] = [];
    let next = await start();
    let stream = subscribe(next, 0);
    for (let kills = 0; kills < KILLS; kills += 1) {
      const current = next;
      await happen(() => [stream], (cursors.at(-1) ?? 0) + EVENTS_EACH);
      next = await start();
      current.process.kill("SIGKILL");
      expect((await stream.ended).code).to.equal("UNAVAILABLE");
      cursors.push(...stream.cursors());
      stream = subscribe(next, cursors.at(-1));
    }
    await happen(() => [stream], (cursors.at(-1) ?? 0) + 10);
    cursors.push(...stream.cursors());
    expect(cursors).to.deep.equal(upTo(cursors.length));
    expect(cursors.length).to.be.greaterThan(KILLS * EVENTS_EACH);
  });

  it("lose none at two gateways when Redis is killed and comes back empty", async () => {
    const streams = [subscribe(await start(), 0), subscribe(await start(), 0)];
    await Promise.all(streams.map(begun));
    await happen(() => streams, 20);
    await killHard(service, exits);
    // Stored and announced nowhere.
    for (let count = 0; count < 20; count += 1) await api.append(user, "credential.issued", {}, false);
    await service.restart();
    await eventually("the connection", () => redis.status === "ready");
    await happen(() => streams, 60);
    for (const stream of streams) {
      const cursors = stream.cursors();
      expect(cursors).to.deep.equal(upTo(cursors.length));
    }
  });

  it("learn of a revocation whose event Redis lost", async () => {
    const stream = subscribe(await start());
    await begun(stream);
    await killHard(service, exits);
    api.setState(session, "revoked");
    await service.restart();
    expect(await stream.ended).to.include({ code: "FAILED_PRECONDITION", reason: "SESSION_REVOKED" });
    await eventually("the connection", () => redis.status === "ready");
  });

  it("end with UNAVAILABLE on SIGTERM while events are sent, and the process ends at once with 0", async () => {
    const gateway = await start();
    const { token } = api.addBrowser(user);
    const browser = await readEvents(`${gateway.http}/api/v1/events`, { authorization: `Bearer ${token}` });
    const streams = [subscribe(gateway), subscribe(gateway), subscribe(gateway)];
    const stuck = subscribe(gateway);
    stuck.call.pause();
    await Promise.all(streams.map(begun));
    await happen(() => streams, 20);
    const sending = happen(() => [], 0);
    gateway.process.kill("SIGTERM");
    for (const stream of streams) {
      expect(await stream.ended).to.include({ code: "UNAVAILABLE", reason: "GATEWAY_STOPPING" });
    }
    await browser.ended;
    expect(browser.events.at(-1)?.data).to.include({ status: "UNAVAILABLE", reason: "GATEWAY_STOPPING" });
    await sending;
    expect(await gateway.ended).to.equal("0");
  });

  it("are cut at a reader that reads nothing: RST_STREAM, ENHANCE_YOUR_CALM", async () => {
    const gateway = await start();
    const [stuck, quick] = [subscribe(gateway), subscribe(gateway)];
    await Promise.all([stuck, quick].map(begun));
    stuck.call.pause();
    const text = "x".repeat(32_768);
    // So many wait for the reader, beside what the connection holds.
    for (let count = 1; count <= 300; count += 1) {
      await api.append(user, "credential.issued", { text });
      // No more at once than wait for a reader that is only behind.
      if (count % 50 === 0) await received(quick, count);
    }
    const { code, message, reason } = await stuck.ended;
    expect([code, reason, message]).to.deep.equal(["RESOURCE_EXHAUSTED", undefined, BANDWIDTH]);
    expect(quick.cursors()).to.deep.equal(upTo(300));
  });
});
