import { expect } from "chai";
import type { Redis } from "ioredis";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { sha256 } from "../../../core/hash";
import { createLogger } from "../../../core/logger";
import { connectRedis } from "../../../core/redis";
import type { Service } from "../../../embedded/service";
import { startRedis } from "../../../embedded/startRedis";
import { createReplayStore, type Reservation, type ReplayStore } from "../../../gateway/replay/replayStore";
import { bareEnv, killHard, workbench } from "../../embedded/workbench";
import { eventually } from "../../support/eventually";
import { type FakeClock, fakeClock } from "../../support/fakeClock";

const SECOND = 1000;
const RACERS = 64;

describe("the replay store", () => {
  const bench = workbench();
  const exits: unknown[] = [];
  const connections: Redis[] = [];
  let service: Service;
  let redis: Redis;
  let clock: FakeClock;
  let store: ReplayStore;

  before(async () => {
    const onExit = (exit: unknown) => exits.push(exit);
    service = bench.keep(await startRedis({ dataDir: bench.folder(), persistent: false, env: bareEnv(), onExit }));
    redis = await connected();
  });
  after(async () => {
    for (const connection of connections) connection.disconnect();
    await bench.clear();
  });

  /** A Redis that has been in use for long: nothing is left of its first 30 seconds. */
  beforeEach(async () => {
    await redis.flushall();
    clock = fakeClock();
    store = storeOf(redis);
    await reserve(request());
    clock.advance(31);
  });

  async function connected(): Promise<Redis> {
    const connection = connectRedis({ url: service.url, name: "test-replay" });
    connections.push(connection);
    await connection.ping();
    return connection;
  }

  function storeOf(connection: Redis): ReplayStore {
    return createReplayStore({
      redis: connection,
      logger: createLogger({ processName: "api", logLevel: "silent" }),
      prefix: "test",
    });
  }

  /** A request signed now, or `afterMs` from now. */
  function request(changes: Partial<Reservation> = {}, afterMs = 0): Reservation {
    return {
      deviceSessionId: randomUUID(),
      requestId: randomUUID(),
      messageType: "credentials.list",
      payloadHash: sha256("{}"),
      timestampMs: BigInt(clock.now().getTime() + afterMs),
      ...changes,
    };
  }

  const reserve = async (reservation: Reservation, by = store) => (await by.reserve(reservation, clock.now())).kind;
  const later = (reservation: Reservation, ms: number) => ({
    ...reservation,
    timestampMs: reservation.timestampMs + BigInt(ms),
  });
  /** What is known before anything is read from a connection. */
  const atOnce = (outcome: Promise<string>) =>
    Promise.race([outcome, new Promise<string>((resolve) => setImmediate(() => resolve("waits")))]);
  const count = (outcomes: string[], kind: string) => outcomes.filter((outcome) => outcome === kind).length;

  it("accepts a request once; the same bytes are a replay however often they come", async () => {
    const first = request();
    expect(await reserve(first)).to.equal("accepted");
    for (let round = 0; round < 3; round += 1) expect(await reserve(first)).to.equal("replayed");
  });

  it("lets an honest device ask again under the same id, signed later, each time once", async () => {
    const first = request();
    await reserve(first);
    expect(await reserve(later(first, 1))).to.equal("retry");
    expect(await reserve(later(first, 1))).to.equal("replayed");
    expect(await reserve(first)).to.equal("replayed");
    expect(await reserve(later(first, 2))).to.equal("retry");
  });

  it("refuses an id that stands for another type or payload, signed later or not", async () => {
    const first = request();
    await reserve(first);
    const others = [{ messageType: "credentials.read" }, { payloadHash: sha256('{"limit":1}') }];
    for (const changes of others) {
      expect(await reserve({ ...first, ...changes })).to.equal("id_reused");
      expect(await reserve({ ...later(first, 5), ...changes })).to.equal("id_reused");
    }
    expect(await reserve(later(first, 6))).to.equal("retry");
  });

  it("keeps the ids of sessions apart", async () => {
    const first = request();
    await reserve(first);
    expect(await reserve({ ...first, deviceSessionId: randomUUID() })).to.equal("accepted");
  });

  describe(`raced by ${RACERS} over 4 connections`, () => {
    let stores: ReplayStore[];
    before(async () => {
      stores = (await Promise.all([connected(), connected(), connected(), connected()])).map(storeOf);
    });

    function race(requestOf: (racer: number) => Reservation): Promise<string[]> {
      const racers = Array.from({ length: RACERS }, (_, racer) => racer);
      return Promise.all(racers.map((racer) => reserve(requestOf(racer), stores[racer % stores.length])));
    }

    it("accepts the same bytes once", async () => {
      const first = request();
      const outcomes = await race(() => first);
      expect([count(outcomes, "accepted"), count(outcomes, "replayed")]).to.deep.equal([1, RACERS - 1]);
    });

    it("accepts one of the payloads that claim an id", async () => {
      const first = request();
      const outcomes = await race((racer) => ({ ...first, payloadHash: sha256(String(racer)) }));
      expect([count(outcomes, "accepted"), count(outcomes, "id_reused")]).to.deep.equal([1, RACERS - 1]);
    });

    it("lets every retry pass at most once, and the newest in any case", async () => {
      const first = request();
      await reserve(first);
      // Each retry comes twice, in an order that mixes them.
      const number = (racer: number) => ((racer * 29) % (RACERS / 2)) + 1;
      const outcomes = await race((racer) => later(first, number(racer)));
      const passed = outcomes.flatMap((outcome, racer) => (outcome === "retry" ? [number(racer)] : []));
      expect(passed).to.include(RACERS / 2);
      expect(new Set(passed).size).to.equal(passed.length);
      expect(count(outcomes, "retry") + count(outcomes, "replayed")).to.equal(RACERS);
    });

    it("accepts every one of different requests", async () => {
      expect(count(await race(() => request()), "accepted")).to.equal(RACERS);
    });
  });

  it("remembers a request for a minute longer than it can pass as fresh, and no longer", async () => {
    const [oldest, newest] = [request({}, -120 * SECOND), request({}, 30 * SECOND)];
    // The oldest was signed before this Redis may be trusted.
    await redis.set("test:{replay}:epoch", "0");
    for (const [reservation, ms] of [
      [oldest, 60 * SECOND],
      [newest, 210 * SECOND],
    ] as const) {
      expect(await reserve(reservation)).to.equal("accepted");
      const key = `test:{replay}:request:${reservation.deviceSessionId}:${reservation.requestId}`;
      expect(await redis.pttl(key)).to.be.within(ms - 30 * SECOND, ms);
    }
    expect(await redis.pttl("test:{replay}:epoch")).to.equal(-1);
  });

  it("takes no request that is not fresh: it could outlive its reservation", async () => {
    const rejection = async (reservation: Reservation) => {
      try {
        return await reserve(reservation);
      } catch (thrown) {
        return thrown;
      }
    };
    for (const afterMs of [-120_001, 30_001]) {
      expect(await rejection(request({}, afterMs))).to.be.instanceOf(RangeError);
    }
  });

  describe("in a Redis that is new or was emptied", () => {
    it("refuses every request for 30 seconds, says for how long, and then accepts", async () => {
      await redis.flushall();
      expect(await store.reserve(request(), clock.now())).to.deep.equal({ kind: "store_lost", retryAfterMs: 30_001 });
      clock.advance(30);
      expect(await store.reserve(request(), clock.now())).to.deep.equal({ kind: "store_lost", retryAfterMs: 1 });
      clock.advance(0.001);
      expect(await reserve(request())).to.equal("accepted");
    });

    it("lets no request pass a second time, whenever it was signed and is sent again", async () => {
      const accepted = [-30, -10, 0, 15, 30].map((seconds) => request({}, seconds * SECOND));
      await redis.set("test:{replay}:epoch", "0");
      for (const reservation of accepted) expect(await reserve(reservation)).to.equal("accepted");
      await redis.flushall();
      for (let elapsed = 0; elapsed < 150; elapsed += 10) {
        for (const reservation of accepted) {
          const ageMs = BigInt(clock.now().getTime()) - reservation.timestampMs;
          if (ageMs <= 120_000n) expect(await reserve(reservation), `after ${elapsed} s`).to.equal("store_lost");
        }
        clock.advance(10);
      }
      expect(await reserve(request())).to.equal("accepted");
    });

    it("decides the same however many ask at once: the first to find it empty sets the epoch", async () => {
      await redis.flushall();
      const outcomes = await Promise.all(Array.from({ length: RACERS }, () => reserve(request({}, 30 * SECOND))));
      expect(count(outcomes, "store_lost")).to.equal(RACERS);
      expect(await redis.get("test:{replay}:epoch")).to.equal(String(clock.now().getTime() + 30_000));
    });

    it("refuses after its process was killed and came back empty", async () => {
      const first = request();
      await reserve(first);
      await killHard(service, exits);
      await service.restart();
      await eventually("the connection", () => redis.status === "ready");
      expect(await reserve(first)).to.equal("store_lost");
      expect(await reserve(later(first, 1))).to.equal("store_lost");
    });
  });

  describe("when Redis is not there", () => {
    it("refuses at once while the connection is not ready", async () => {
      const unreachable = connectRedis({ url: "redis://127.0.0.1:1", name: "test-replay" });
      connections.push(unreachable);
      expect(unreachable.status).to.not.equal("ready");
      expect(await atOnce(reserve(request(), storeOf(unreachable)))).to.equal("unavailable");
      const ending = await connected();
      const ended = once(ending, "end");
      ending.disconnect();
      await ended;
      expect(await atOnce(reserve(request(), storeOf(ending)))).to.equal("unavailable");
    });

    it("refuses when Redis answers with an error: it may not write", async () => {
      const other = await connected();
      const reservation = request();
      await redis.config("SET", "maxmemory", "1");
      try {
        expect(await reserve(reservation, storeOf(other))).to.equal("unavailable");
      } finally {
        await redis.config("SET", "maxmemory", "0");
      }
      expect(await reserve(reservation, storeOf(other))).to.equal("accepted");
    });
  });
});
