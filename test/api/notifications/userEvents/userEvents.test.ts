import { expect } from "chai";
import type { Redis } from "ioredis";
import {
  announceLeftOver,
  appendUserEvent,
  type NewUserEvent,
  readUserEvents,
  type UserEventDeps,
} from "../../../../api/notifications/userEvents/actions";
import { createAnnouncer } from "../../../../api/notifications/userEvents/announcements";
import { pageOf, type UserEvent } from "../../../../api/notifications/userEvents/rules";
import { createUserEventStore } from "../../../../api/notifications/userEvents/store";
import { addSeconds } from "../../../../core/clock";
import { randomId, randomToken } from "../../../../core/crypto";
import { createLogger } from "../../../../core/logger";
import { ensureIndexes, type Mongo } from "../../../../core/mongo";
import { connectRedis } from "../../../../core/redis";
import { eventually } from "../../../support/eventually";
import { type FakeClock, fakeClock } from "../../../support/fakeClock";
import { testMongo, testRedisUrl } from "../../../support/servers";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("events for users' devices", () => {
  let mongo: Mongo;
  let redis: Redis;
  let clock: FakeClock;
  let deps: UserEventDeps;
  let prefix: string;
  before(async () => {
    mongo = await testMongo("user_events");
    createUserEventStore(mongo);
    await ensureIndexes(mongo);
    redis = connectRedis({ url: testRedisUrl(), name: "test" });
    await redis.ping();
  });
  beforeEach(() => {
    clock = fakeClock();
    prefix = `test-${randomToken().slice(0, 8).toLowerCase()}`;
    mongo.deleteModel("UserEvent");
    deps = {
      events: createUserEventStore(mongo),
      announcer: createAnnouncer({ redis, config: { redis: { prefix } } }),
      clock,
      logger: createLogger({ processName: "api", logLevel: "silent" }),
      timing: { sweepAfterSeconds: 15 },
    };
  });
  afterEach(async () => {
    await redis.del(`${prefix}:events`);
  });
  after(async () => {
    redis.disconnect();
    await mongo.dropDatabase();
    await mongo.close();
  });

  function anEvent(userId: string, key: string): NewUserEvent {
    return { userId, type: "credential.issued", key, payload: { credentialId: key }, at: clock.now() };
  }

  const stored = () => mongo.db!.collection<{ _id: string } & Record<string, unknown>>("user_events");

  /** Every event of a user, read as a gateway reads: by its cursor, a few at a time. */
  async function readAll(userId: string): Promise<UserEvent[]> {
    const all: UserEvent[] = [];
    for (;;) {
      const { events } = await readUserEvents(deps, { userId, after: all.at(-1)?.seq ?? 0, limit: 10 });
      if (events.length === 0) return all;
      all.push(...events);
    }
  }

  async function announced(): Promise<Record<string, string>[]> {
    const entries = await redis.xrange(`${prefix}:events`, "-", "+");
    return entries.map(([, fields]) =>
      Object.fromEntries(fields.flatMap((name, place) => (place % 2 === 0 ? [[name, fields[place + 1] ?? ""]] : []))),
    );
  }

  it("numbers 64 events that are appended at once, each twice, from 1 to 64, and a reader misses none", async () => {
    const userId = randomId();
    const keys = Array.from({ length: 64 }, (_, place) => String(place));
    const seen: UserEvent[] = [];
    const reading = (async () => {
      while (seen.length < 64) {
        const { events } = await readUserEvents(deps, { userId, after: seen.at(-1)?.seq ?? 0, limit: 7 });
        seen.push(...events);
      }
    })();
    await Promise.all([...keys, ...keys].map((key) => appendUserEvent(deps, anEvent(userId, key))));
    await reading;
    expect(seen.map(({ seq }) => seq)).to.deep.equal(keys.map((_, place) => place + 1));
    expect(new Set(seen.map(({ payload }) => payload["credentialId"]))).to.deep.equal(new Set(keys));
    expect(await deps.events.heads([userId, randomId()])).to.deep.equal(new Map([[userId, 64]]));
  }).timeout(120_000);

  it("gives an event a UUID that follows from its change, and numbers each user's events apart", async () => {
    const [one, two] = [randomId(), randomId()];
    for (const userId of [one, two, one]) await appendUserEvent(deps, anEvent(userId, "k"));
    await appendUserEvent(deps, { ...anEvent(one, "k"), type: "credential.used" });
    const [ofOne, ofTwo] = [await readAll(one), await readAll(two)];
    expect([ofOne, ofTwo].map((events) => events.map(({ seq }) => seq))).to.deep.equal([[1, 2], [1]]);
    const ids = [...ofOne, ...ofTwo].map(({ _id }) => _id);
    expect(new Set(ids).size).to.equal(3);
    for (const id of ids) expect(id).to.match(UUID);
  });

  it("keeps a user's newest event for as long as none follows it, so that numbers never begin anew", async () => {
    const userId = randomId();
    for (const key of ["a", "b", "c"]) await appendUserEvent(deps, anEvent(userId, key));
    const retained = await stored().find({ userId }).sort({ seq: 1 }).toArray();
    expect(retained.map(({ purgeAt }) => purgeAt)).to.deep.equal([
      addSeconds(clock.now(), 30 * 24 * 60 * 60),
      addSeconds(clock.now(), 30 * 24 * 60 * 60),
      undefined,
    ]);
    // What the database does when the time has come.
    await stored().deleteMany({ purgeAt: { $exists: true } });
    await appendUserEvent(deps, anEvent(userId, "d"));
    expect(await readUserEvents(deps, { userId, after: 0, limit: 10 })).to.deep.include({ head: 4, oldest: 3 });
    expect(await readUserEvents(deps, { userId, after: 2, limit: 10 })).to.deep.include({ head: 4, oldest: null });
  });

  it("counts what lies before a gap as deleted", () => {
    const at = clock.now();
    const events = [3, 4, 6, 7].map((seq): UserEvent => {
      return { _id: String(seq), userId: "u", seq, type: "credential.issued", payload: {}, at };
    });
    expect(pageOf(events, { after: 2, head: 7 })).to.deep.equal({ events: events.slice(2), head: 7, oldest: 6 });
    expect(pageOf(events.slice(0, 2), { after: 2, head: 4 })).to.deep.include({ oldest: null });
    expect(pageOf(events.slice(0, 2), { after: 1, head: 4 })).to.deep.include({ oldest: 3 });
    expect(pageOf([], { after: 7, head: 7 })).to.deep.equal({ events: [], head: 7, oldest: null });
  });

  it("announces an event to the gateways once it is stored, with all they need", async () => {
    const userId = randomId();
    await appendUserEvent(deps, anEvent(userId, "c-1"));
    await eventually("the mark", async () => (await stored().findOne({ userId }))?.["announcedAt"] !== undefined);
    await appendUserEvent(deps, anEvent(userId, "c-1"));
    const [event] = await readAll(userId);
    expect(await announced()).to.deep.equal([
      {
        userId,
        seq: "1",
        id: event?._id,
        type: "credential.issued",
        at: String(event?.at.getTime()),
        payload: '{"credentialId":"c-1"}',
      },
    ]);
  });

  it("announces later what Redis did not take, and stores without waiting for it", async () => {
    const userId = randomId();
    const lost = connectRedis({ url: "redis://127.0.0.1:1", name: "test" });
    const withoutRedis = { ...deps, announcer: createAnnouncer({ redis: lost, config: { redis: { prefix } } }) };
    for (const key of ["a", "b"]) await appendUserEvent(withoutRedis, anEvent(userId, key));
    lost.disconnect();
    expect((await readAll(userId)).map(({ seq }) => seq)).to.deep.equal([1, 2]);
    await announceLeftOver(deps);
    expect(await announced()).to.deep.equal([]);
    clock.advance(15);
    await announceLeftOver(deps);
    expect((await announced()).map(({ seq }) => seq)).to.have.members(["1", "2"]);
    const left = await stored().countDocuments({ userId, announcedAt: { $exists: false } });
    expect(left).to.equal(0);
  });
});
