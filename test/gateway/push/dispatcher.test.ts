import { expect } from "chai";
import type { Redis } from "ioredis";
import { createLogger } from "../../../core/logger";
import { connectRedis } from "../../../core/redis";
import type { Service } from "../../../embedded/service";
import { startRedis } from "../../../embedded/startRedis";
import { type Dispatcher, startDispatcher } from "../../../gateway/push/dispatcher";
import { compareEntryIds, parseEntry } from "../../../gateway/push/streamEntry";
import { bareEnv, killHard, workbench } from "../../embedded/workbench";
import { eventually } from "../../support/eventually";

const KEY = "test:events";
const ENTRY = { userId: "alice", seq: "7", id: "e7", type: "kyc.changed", at: "1780000000000", payload: '{"a":1}' };

describe("an entry of the events stream", () => {
  const fieldsOf = (changes: object) => Object.entries<string>({ ...ENTRY, ...changes }).flat();

  it("is an event", () => {
    expect(parseEntry(["1-0", fieldsOf({ unknown: "passed over" })])).to.deep.equal({
      userId: "alice",
      seq: 7n,
      id: "e7",
      type: "kyc.changed",
      at: new Date(1_780_000_000_000),
      payload: '{"a":1}',
    });
  });

  it("is refused by the name of the field that has not its form", () => {
    const malformed = { userId: "", seq: "0", id: "", type: "", at: "yesterday", payload: "{" };
    for (const [field, text] of Object.entries(malformed)) {
      const message = `entry 1-0 of the events stream has no valid ${field}`;
      expect(() => parseEntry(["1-0", fieldsOf({ [field]: text })])).to.throw(RangeError, message);
    }
    for (const seq of ["07", "-1", "1.5", "9".repeat(20)]) {
      expect(() => parseEntry(["1-0", fieldsOf({ seq })]), seq).to.throw(RangeError, "seq");
    }
  });

  it("is older than another by its time, then by its number", () => {
    const ids = ["0-0", "9-99", "10-0", "10-9", "10-10", "1780000000000-0"];
    for (const [a, first] of ids.entries()) {
      for (const [b, second] of ids.entries()) expect(compareEntryIds(first, second)).to.equal(Math.sign(a - b));
    }
  });
});

describe("the dispatcher", () => {
  const bench = workbench();
  const logger = createLogger({ processName: "api", logLevel: "silent" });
  const exits: unknown[] = [];
  let service: Service;
  let redis: Redis;
  let dispatchers: Dispatcher[];

  before(async () => {
    const onExit = (exit: unknown) => exits.push(exit);
    service = bench.keep(await startRedis({ dataDir: bench.folder(), persistent: false, env: bareEnv(), onExit }));
    redis = connectRedis({ url: service.url, name: "test-dispatcher" });
  });
  beforeEach(async () => {
    dispatchers = [];
    await redis.flushall();
  });
  afterEach(() => Promise.all(dispatchers.map((dispatcher) => dispatcher.close())));
  after(async () => {
    redis.disconnect();
    await bench.clear();
  });

  function start() {
    const seen: number[] = [];
    let connects = 0;
    const dispatcher = startDispatcher({
      redis: connectRedis({ url: service.url, name: "test-reader", blocking: true }),
      streamKey: KEY,
      logger,
      onEvent: ({ seq }) => seen.push(Number(seq)),
      onConnect: () => (connects += 1),
    });
    dispatchers.push(dispatcher);
    return { dispatcher, seen, connects: () => connects };
  }

  const add = (seq: number) =>
    redis.xadd(KEY, "MAXLEN", "~", 1_000, "*", ...Object.entries({ ...ENTRY, seq: String(seq) }).flat());
  const reading = (dispatcher: Dispatcher) => eventually("reading", () => dispatcher.isReading());
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

  it("gives every gateway all events that are added once it reads, in order", async () => {
    await add(1);
    const [one, other] = [start(), start()];
    await Promise.all([reading(one.dispatcher), reading(other.dispatcher)]);
    for (const seq of range(2, 700)) await add(seq);
    for (const { seen } of [one, other]) {
      await eventually("the last event", () => seen.includes(700));
      expect(seen).to.deep.equal(range(2, 700));
    }
  });

  it("passes over an entry that is no event, and goes on", async () => {
    const { dispatcher, seen } = start();
    await reading(dispatcher);
    await redis.xadd(KEY, "*", "seq", "x");
    await add(2);
    await eventually("the next event", () => seen.length === 1);
    expect(seen).to.deep.equal([2]);
  });

  it("loses none when its connection is cut again and again", async () => {
    const { dispatcher, seen, connects } = start();
    await reading(dispatcher);
    for (const seq of range(1, 60)) {
      await add(seq);
      if (seq % 10 === 0) {
        const before = connects();
        await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        await eventually("the new connection", () => connects() > before);
      }
    }
    await eventually("the last event", () => seen.includes(60));
    expect(seen).to.deep.equal(range(1, 60));
  });

  it("reads a stream from its beginning that was emptied and has older ids than the last", async () => {
    const { dispatcher, seen, connects } = start();
    await reading(dispatcher);
    const fields = (seq: number) => Object.entries({ ...ENTRY, seq: String(seq) }).flat();
    await redis.xadd(KEY, "9000000000000-0", ...fields(1));
    await eventually("the first event", () => seen.length === 1);
    await redis.del(KEY);
    await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await eventually("the new connection", () => connects() === 2);
    await add(2);
    await eventually("the second event", () => seen.length === 2);
    expect(seen).to.deep.equal([1, 2]);
  });

  it("goes on when Redis was killed and is back empty", async () => {
    const { dispatcher, seen, connects } = start();
    await reading(dispatcher);
    await add(1);
    await eventually("the first event", () => seen.length === 1);
    await killHard(service, exits);
    await eventually("the loss to be noticed", () => !dispatcher.isReading());
    await service.restart();
    await eventually("the new connection", () => connects() === 2 && dispatcher.isReading());
    await add(2);
    await eventually("the second event", () => seen.length === 2);
    expect(seen).to.deep.equal([1, 2]);
  });
});
