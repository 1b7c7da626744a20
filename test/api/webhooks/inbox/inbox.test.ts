import { expect } from "chai";
import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { pino } from "pino";
import { receiveDelivery } from "../../../../api/webhooks/inbox/actions";
import { createInboxJobs } from "../../../../api/webhooks/inbox/jobs";
import type { InboxSource } from "../../../../api/webhooks/inbox/rules";
import { type InboxStore, createInboxStore } from "../../../../api/webhooks/inbox/store";
import { addSeconds, systemClock } from "../../../../core/clock";
import { type DeadLetterStore, createDeadLetterStore } from "../../../../core/jobs/deadLetters";
import { DomainError, TransientError } from "../../../../core/errors";
import { ensureIndexes, type Mongo } from "../../../../core/mongo";
import type { RunningWorker } from "../../../../core/jobs/worker";
import { connectRedis } from "../../../../core/redis";
import { eventually } from "../../../support/eventually";
import { testMongo, testRedisUrl } from "../../../support/servers";

const logger = pino({ level: "silent" });
const T0 = new Date("2026-03-01T12:00:00Z");

describe("the webhook inbox", () => {
  let mongo: Mongo;
  let redis: Redis;
  let inbox: InboxStore;
  let deadLetters: DeadLetterStore;
  let jobs: ReturnType<typeof createInboxJobs>;
  let otherJobs: ReturnType<typeof createInboxJobs>;
  const workers: RunningWorker[] = [];

  before(async () => {
    mongo = await testMongo("inbox");
    redis = connectRedis({ url: testRedisUrl(), name: "test-inbox" });
    inbox = createInboxStore(mongo);
    deadLetters = createDeadLetterStore(mongo);
  });

  beforeEach(async () => {
    await ensureIndexes(mongo);
    const runtime = {
      redis,
      config: { redis: { prefix: `test-${randomUUID()}` } },
      deadLetters,
      clock: systemClock,
      logger,
      timing: { sweepIntervalMs: 50 },
    };
    jobs = createInboxJobs(runtime, "kyc");
    otherJobs = createInboxJobs(runtime, "oauth");
  });

  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close(5_000)));
    await Promise.all([jobs.queue.close(), otherJobs.queue.close()]);
    await mongo.dropDatabase();
  });

  after(async () => {
    await redis.quit();
    await mongo.close();
  });

  function work(handle: (facts: unknown) => Promise<string>, source: InboxSource = "kyc") {
    const handlers = () => ({ [source]: ({ facts }: { facts: unknown }) => handle(facts) });
    const { start } = (source === "kyc" ? jobs : otherJobs).worker({ inbox, clock: systemClock, handlers });
    workers.push(start());
  }

  function delivery(deliveryKey: string, source: InboxSource = "kyc") {
    return { source, deliveryKey, facts: { about: deliveryKey }, requestId: undefined };
  }

  const keep = (deliveryKey: string, now = T0) =>
    inbox.insert({ ...delivery(deliveryKey), requestId: null, sweepSeconds: 30 }, now);

  it("keeps a delivery once, raced by sixteen, and knows it for 30 days after its end", async () => {
    const kept = await Promise.all(Array.from({ length: 16 }, () => keep("a")));
    expect(kept.filter(({ isNew }) => isNew)).to.have.length(1);
    const { entryId } = kept[0]!;
    await inbox.finish(entryId, "applied", T0);
    expect((await keep("a", addSeconds(T0, 29 * 86_400))).isNew).to.equal(false);
    expect((await inbox.find(entryId))?.purgeAt).to.deep.equal(addSeconds(T0, 30 * 86_400));
  });

  it("never lets the database forget what is unfinished", async () => {
    const { entryId } = await keep("a");
    expect(await inbox.find(entryId)).not.to.have.property("purgeAt");
  });

  it("tells the same key of two sources apart", async () => {
    await keep("a");
    const other = await inbox.insert({ ...delivery("a", "oauth"), requestId: null, sweepSeconds: 30 }, T0);
    expect(other.isNew).to.equal(true);
  });

  it("keeps the first outcome", async () => {
    const { entryId } = await keep("a");
    await inbox.finish(entryId, "applied", T0);
    await inbox.finish(entryId, "stale", T0);
    expect((await inbox.find(entryId))?.outcome).to.equal("applied");
  });

  it("acknowledges what it kept though the queue is down, and the sweep finds it", async () => {
    const enqueue = () => Promise.reject(new Error("Redis is gone."));
    const parts = { inbox, clock: systemClock, logger, enqueue, timing: { sweepAfterSeconds: 1 } };
    expect(await receiveDelivery(parts, delivery("a"))).to.equal(true);
    expect(await receiveDelivery(parts, delivery("a"))).to.equal(false);
    const seen: unknown[] = [];
    work(async (facts) => {
      seen.push(facts);
      return "done";
    });
    await eventually("the sweep", () => seen.length > 0);
    expect(seen).to.deep.equal([{ about: "a" }]);
  });

  it("works on an entry once though its job and the sweep meet", async () => {
    const { entryId } = await keep("a");
    let runs = 0;
    work(async () => {
      runs += 1;
      return "done";
    });
    await Promise.all(Array.from({ length: 16 }, () => jobs.enqueue(entryId)));
    await eventually("the outcome", async () => (await inbox.find(entryId))?.outcome === "done");
    await jobs.enqueue(entryId);
    await eventually("the queue to be empty", async () => (await jobs.queue.depth()) === 0);
    expect(runs).to.equal(1);
  });

  it("tries again what failed in passing", async () => {
    const { entryId } = await keep("a");
    let runs = 0;
    work(async () => {
      runs += 1;
      if (runs < 3) throw new TransientError("test.passing", "not now");
      return "done";
    });
    await eventually("the outcome", async () => (await inbox.find(entryId))?.outcome === "done");
    expect(runs).to.equal(3);
  });

  it("leaves what a rule of the domain refuses to a person, who may have it tried again", async () => {
    const { entryId } = await keep("a");
    let isRepaired = false;
    work(() =>
      isRepaired ? Promise.resolve("done") : Promise.reject(new DomainError("test.refused", "conflict", "no")),
    );
    await eventually("the outcome", async () => (await inbox.find(entryId))?.outcome === "rejected");
    await eventually("the dead letter", async () => (await deadLetters.list({ limit: 1 })).length === 1);
    expect(await inbox.due("kyc", addSeconds(T0, 999_999), 10)).to.deep.equal([]);
    isRepaired = true;
    await eventually("the queue to forget it", async () => (await jobs.queue.depth()) === 0);
    await jobs.enqueue(entryId);
    await eventually("the outcome", async () => (await inbox.find(entryId))?.outcome === "done");
  });

  it("works on one source's deliveries though another's hold every worker of theirs", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let waiting = 0;
    work(async () => {
      waiting += 1;
      await held;
      return "late";
    }, "oauth");
    for (let count = 0; count < 50; count += 1) {
      await inbox.insert({ ...delivery(`flood ${count}`, "oauth"), requestId: null, sweepSeconds: 0 }, T0);
    }
    await eventually("the other source to hold its workers", () => waiting >= 8);
    const { entryId } = await keep("a");
    work(async () => "done");
    await eventually("the outcome", async () => (await inbox.find(entryId))?.outcome === "done");
    release();
    await eventually(
      "the flood to end",
      async () => (await mongo.collection("webhook_inbox").countDocuments({ outcome: "late" })) === 50,
    );
  });

  it("finds due entries, the oldest first, and none that rest", async () => {
    const ids = [];
    for (const seconds of [20, 0, 10]) ids.push((await keep(`k${seconds}`, addSeconds(T0, seconds))).entryId);
    expect(await inbox.due("kyc", addSeconds(T0, 45), 10)).to.deep.equal([ids[1], ids[2]]);
    await inbox.postpone(ids[1]!, addSeconds(T0, 900));
    expect(await inbox.due("kyc", addSeconds(T0, 45), 10)).to.deep.equal([ids[2]]);
  });
});
