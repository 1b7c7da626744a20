import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { connectRedis } from "../../core/redis";
import type { Service } from "../../embedded/service";
import { startRedis } from "../../embedded/startRedis";
import type { WellFormedRequest } from "../../gateway/envelope/envelope";
import { freePort } from "../../embedded/ports";
import type { ExecuteCommandResponse } from "../../gateway/gen/cairn/gateway/v1/gateway_pb";
import { bareEnv, killHard, workbench } from "../embedded/workbench";
import { eventually } from "../support/eventually";
import { CALLERS, type Caller, factsOf } from "../support/gateway/callers";
import {
  type Actor,
  forgetFirstSeconds,
  type GatewayFixture,
  gatewayFixture,
  rejected,
  verifiedResponse,
} from "../support/gateway/gatewayFixture";
import { type GatewayProcess, startGatewayProcess, startMockApiProcess } from "../support/gateway/gatewayProcess";
import { testRedisUrl } from "../support/servers";

describe("a command in mid-course", () => {
  const processes: { kill(): Promise<void> }[] = [];
  let fixture: GatewayFixture;
  let actor: Actor;

  before(async () => {
    fixture = await gatewayFixture();
  });
  beforeEach(async () => {
    actor = await fixture.newActor();
    fixture.api.answer = undefined;
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((one) => one.kill()));
  });
  after(() => fixture.close());

  async function startGateway(environment: Record<string, string> = {}): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess({ ...fixture.environment, ...environment });
    processes.push(gateway);
    return gateway;
  }

  const grpcOf = (gateway: GatewayProcess) => fixture.caller("gRPC (grpc-js)", gateway);
  /** The same command, signed later: what a device sends that got no answer. */
  const again = ({ envelope }: WellFormedRequest, afterMs = 0) =>
    actor.command(
      envelope.messageType,
      {},
      { requestId: envelope.requestId, timestampMs: BigInt(Date.now() + afterMs) },
    );
  const effectsOf = async ({ envelope }: WellFormedRequest) =>
    (await fixture.api.effects()).filter((key) => key === `${actor.deviceSessionId}/${envelope.requestId}`).length;

  /** Asks until the command is answered, each time signed anew under its id, and no sooner than it is told to. */
  async function answered(caller: Caller, request: WellFormedRequest): Promise<ExecuteCommandResponse> {
    for (let attempts = 1; ; attempts += 1) {
      const retry = again(request);
      try {
        return await caller.execute(retry);
      } catch (error) {
        const { reason, retryAfterMs } = factsOf(ConnectError.from(error));
        if (retryAfterMs === undefined || attempts === 5)
          throw new Error(`${reason} after ${attempts} attempts`, { cause: error });
        await delay(retryAfterMs);
      }
    }
  }

  it("whose gateway is killed happens once, and a second gateway gives its answer", async () => {
    const [first, second] = [await startGateway(), await startGateway()];
    // The write happens, and its answer is on its way when the gateway dies.
    const { api } = fixture;
    let isDone = () => {};
    const done = new Promise<void>((resolve) => (isDone = resolve));
    api.answer = async () => {
      await fixture.redis.rpush(
        `${fixture.prefix}:mock:effects`,
        `${actor.deviceSessionId}/${request.envelope.requestId}`,
      );
      isDone();
      return new Promise(() => undefined);
    };
    const request = actor.command("kyc.start");
    const lost = rejected(grpcOf(first).execute(request));
    await done;
    await first.kill();
    expect((await lost).code).to.equal(Code.Unavailable);
    api.answer = ({ idempotencyKey }) => {
      expect(idempotencyKey).to.equal(`${actor.deviceSessionId}/${request.envelope.requestId}`);
      return { status: 200, body: { first: "answer" } };
    };
    expect(await rejected(grpcOf(second).execute(request)), "the very bytes").to.include({
      reason: "REQUEST_REPLAYED",
    });
    const retry = again(request);
    const answer = await grpcOf(second).execute(retry);
    expect(await verifiedResponse(second.http, retry, answer)).to.deep.equal({
      resultCode: "ok",
      payload: { first: "answer" },
    });
    expect(await effectsOf(request)).to.equal(1);
  });

  for (const dieAt of ["before_effect", "after_effect"] as const) {
    it(`whose API is killed ${dieAt.replace("_", " the ").replace("the effect", "its effect")} happens once`, async () => {
      const options = { redisUrl: testRedisUrl(), prefix: fixture.prefix, port: await freePort() };
      const dying = await startMockApiProcess({ ...options, dieAt });
      processes.push(dying);
      const gateway = await startGateway({ GATEWAY_API_URL: dying.ready.url });
      const request = actor.command("kyc.start");
      expect(await rejected(grpcOf(gateway).execute(request))).to.include({
        code: Code.Unavailable,
        reason: "BACKEND_UNAVAILABLE",
      });
      expect(await dying.ended).to.equal("SIGKILL");
      expect(await rejected(grpcOf(gateway).execute(again(request))), "while it is away").to.include({
        code: Code.Unavailable,
      });
      processes.push(await startMockApiProcess(options));
      const answer = await answered(grpcOf(gateway), request);
      expect(answer.envelope?.resultCode).to.equal("ok");
      expect(await effectsOf(request)).to.equal(1);
    });
  }

  describe("whose Redis is killed", () => {
    const bench = workbench();
    const exits: unknown[] = [];
    let service: Service;
    let own: Redis;

    before(async () => {
      const onExit = (exit: unknown) => exits.push(exit);
      service = bench.keep(await startRedis({ dataDir: bench.folder(), persistent: false, env: bareEnv(), onExit }));
      own = connectRedis({ url: service.url, name: "test" });
      await forgetFirstSeconds(own, fixture.prefix);
    });
    after(async () => {
      own.disconnect();
      await bench.clear();
    });

    it("is answered, while nothing new passes; afterwards nothing old passes a second time, and a retry happens once", async () => {
      const gateway = await startGateway({ REDIS_URL: service.url });
      const grpc = grpcOf(gateway);
      let release = () => {};
      const released = new Promise<void>((resolve) => (release = resolve));
      let isWaiting = false;
      const { api } = fixture;
      const { url } = api;
      api.answer = async ({ idempotencyKey }) => {
        isWaiting = true;
        await released;
        await fixture.redis.sadd(`${url}:once`, idempotencyKey ?? "");
        return { status: 200, body: {} };
      };
      const request = actor.command("kyc.start");
      const inHand = grpc.execute(request);
      await eventually("the command to reach the API", () => isWaiting);
      await killHard(service, exits);
      const refused = () => rejected(grpc.execute(actor.command("kyc.status")));
      await eventually("the loss to be noticed", async () => (await refused()).reason === "REPLAY_UNAVAILABLE");
      release();
      expect((await inHand).envelope?.resultCode).to.equal("ok");

      await service.restart();
      const lost = await eventually("the empty Redis", async () => {
        const facts = await refused();
        return facts.reason === "REPLAY_STORE_LOST" ? facts : undefined;
      });
      expect(lost).to.include({ code: Code.Unavailable });
      expect(lost.retryAfterMs).to.be.within(1, 30_001);
      expect(await rejected(grpc.execute(request)), "the very bytes").to.include({ reason: "REPLAY_STORE_LOST" });
      // Signed past the loss, as far ahead as a clock may be.
      const retried = await eventually("a retry to pass", async () => {
        try {
          return await grpc.execute(again(request, 29_500));
        } catch {
          return undefined;
        }
      });
      expect(retried.envelope?.resultCode).to.equal("ok");
      expect(await fixture.redis.smembers(`${url}:once`)).to.deep.equal([
        `${actor.deviceSessionId}/${request.envelope.requestId}`,
      ]);
      await fixture.redis.del(`${url}:once`);
    });
  });

  it("is answered or can be repeated when the gateway is told to end under load: every write happens once", async () => {
    const [first, second] = [await startGateway(), await startGateway()];
    const actors = await Promise.all(Array.from({ length: 12 }, () => fixture.newActor()));
    const callers = Object.keys(CALLERS).map((protocol) => fixture.caller(protocol, first));
    const finished = { answered: [] as string[], unanswered: [] as { by: Actor; request: WellFormedRequest }[] };
    let isStopping = false;
    const load = actors.map(async (by, index) => {
      const caller = callers[index % callers.length]!;
      for (let sent = 0; sent < 10; sent += 1) {
        if (isStopping && finished.unanswered.some((one) => one.by === by)) return;
        const request = by.command(sent % 2 === 0 ? "kyc.start" : "wallet.challenge", { sent });
        try {
          const answer = await caller.execute(request);
          expect(answer.envelope?.resultCode).to.equal("ok");
          finished.answered.push(`${by.deviceSessionId}/${request.envelope.requestId}`);
        } catch {
          finished.unanswered.push({ by, request });
        }
      }
    });
    await eventually("the load to be on its way", () => finished.answered.length >= 12);
    isStopping = true;
    first.process.kill("SIGTERM");
    expect(await first.ended, "a clean end").to.equal("0");
    await Promise.all(load);
    const grpc = grpcOf(second);
    for (const { by, request } of finished.unanswered) {
      const { requestId, messageType } = request.envelope;
      const payload: unknown = JSON.parse(Buffer.from(request.payloadBytes).toString("utf8"));
      const retry = by.command(messageType, payload, { requestId, timestampMs: BigInt(Date.now() + 1) });
      expect((await grpc.execute(retry)).envelope?.resultCode).to.equal("ok");
    }
    const expected = [
      ...finished.answered,
      ...finished.unanswered.map(({ by, request }) => `${by.deviceSessionId}/${request.envelope.requestId}`),
    ];
    const ours = new Set(actors.map(({ deviceSessionId }) => deviceSessionId));
    const happened = (await fixture.api.effects()).filter((key) => ours.has(key.split("/")[0] ?? ""));
    expect(happened.sort()).to.deep.equal(expected.sort());
  });

  it("is not lost on operators: health names what is missing, metrics count outcomes", async () => {
    const gateway = await startGatewayProcess(fixture.environment);
    processes.push(gateway);
    const { metricsPort } = gateway.ready;
    const operations = `http://127.0.0.1:${metricsPort}`;
    await grpcOf(gateway).execute(actor.command("kyc.status"));
    await rejected(grpcOf(gateway).execute({ ...actor.command("kyc.status"), signature: Buffer.alloc(64) }));
    const ready = await fetch(`${operations}/health/ready`);
    expect([ready.status, ((await ready.json()) as { status: string }).status]).to.deep.equal([200, "ready"]);
    const metrics = await (await fetch(`${operations}/metrics`)).text();
    expect(metrics).to.include('cairn_gateway_commands_total{type="kyc.status",outcome="ok"} 1');
    expect(metrics).to.include('cairn_gateway_commands_total{type="kyc.status",outcome="SIGNATURE_INVALID"} 1');
    gateway.process.stdin?.end();
    await once(gateway.process, "exit");
  });
});
