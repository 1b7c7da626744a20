import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { pino } from "pino";
import { systemClock } from "../../../core/clock";
import { createDeadLetterStore } from "../../../core/jobs/deadLetters";
import { createQueue, type JobQueue, processQueue, type QueueProcessor } from "../../../core/jobs/queue";
import type { Mongo } from "../../../core/mongo";
import { connectRedis } from "../../../core/redis";
import { eventually } from "../../support/eventually";
import type { JobProcessOptions } from "../../support/jobProcess";
import { testMongo, testMongoUri, testRedisUrl } from "../../support/servers";

/** Far below the 15 s for which a lock lasts: what is taken over within it was released because its process is gone. */
const BEFORE_THE_LOCK_EXPIRES_MS = 10_000;

describe("jobs of a process that is gone", () => {
  let mongo: Mongo;
  let redis: Redis;
  let prefix: string;
  let runsKey: string;
  let queue: JobQueue<object>;
  let processor: QueueProcessor | undefined;
  let child: ChildProcess | undefined;

  before(async () => {
    mongo = await testMongo("abandoned_jobs");
    redis = connectRedis({ url: testRedisUrl(), name: "test", blocking: true });
  });

  beforeEach(() => {
    prefix = `test-${randomUUID()}`;
    runsKey = `${prefix}-runs`;
    queue = createQueue({ name: "tasks", redis, config: { redis: { prefix } } });
  });

  afterEach(async () => {
    child?.kill("SIGKILL");
    await processor?.close(5_000);
    processor = undefined;
    await queue.close();
    const keys = await redis.keys(`${prefix}*`);
    if (keys.length > 0) await redis.del(...keys);
  });

  after(async () => {
    await redis.quit();
    await mongo.dropDatabase();
    await mongo.close();
  });

  /** Starts another process on the queue; the job is in its hands when this resolves. */
  async function otherProcess(work: Pick<JobProcessOptions, "busyMs" | "blocks">): Promise<ChildProcess> {
    const options: JobProcessOptions = {
      redisUrl: testRedisUrl(),
      mongoUri: testMongoUri("abandoned_jobs"),
      prefix,
      queue: "tasks",
      runsKey,
      ...work,
    };
    child = spawn(
      process.execPath,
      ["--require", "./scripts/typescript.cjs", join("test", "support", "jobProcess.ts"), JSON.stringify(options)],
      { stdio: ["pipe", "inherit", "inherit"] },
    );
    await queue.enqueue("job", {});
    await eventually("the job to begin", async () => (await redis.llen(runsKey)) === 1);
    return child;
  }

  /** Works on the queue in this process, and says how often a job came here. */
  function work(): () => number {
    let runs = 0;
    processor = processQueue({
      name: "tasks",
      redis,
      config: { redis: { prefix } },
      concurrency: 4,
      deadLetters: createDeadLetterStore(mongo),
      clock: systemClock,
      logger: pino({ level: "silent" }),
      process: () => {
        runs += 1;
        return Promise.resolve();
      },
    });
    return () => runs;
  }

  it("are taken over by another when it is killed in mid-job, long before their locks expire", async () => {
    const other = await otherProcess({ busyMs: 600_000, blocks: false });
    const runs = work();
    other.kill("SIGKILL");
    await eventually("the job to be taken over", () => runs() === 1, BEFORE_THE_LOCK_EXPIRES_MS);
    await eventually("the job to be done", async () => (await queue.depth()) === 0);
    expect(runs()).to.equal(1);
  });

  it("are taken over by a process that starts afterwards", async () => {
    const other = await otherProcess({ busyMs: 600_000, blocks: false });
    other.kill("SIGKILL");
    const runs = work();
    await eventually("the job to be taken over", () => runs() === 1, BEFORE_THE_LOCK_EXPIRES_MS);
  });

  for (const blocks of [false, true]) {
    it(`stay with a slow one that is alive${blocks ? ", though its thread does nothing else" : ""}`, async () => {
      await otherProcess({ busyMs: 5_000, blocks });
      const runs = work();
      await eventually("the job to end", async () => (await redis.lrange(runsKey, 0, -1)).includes("end"));
      await eventually("the queue to be empty", async () => (await queue.depth()) === 0);
      expect(await redis.lrange(runsKey, 0, -1)).to.deep.equal(["begin", "end"]);
      expect(runs()).to.equal(0);
    });
  }
});
