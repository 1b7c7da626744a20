import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { systemClock } from "../../core/clock";
import { createDeadLetterStore } from "../../core/jobs/deadLetters";
import { processQueue } from "../../core/jobs/queue";
import { connectMongo } from "../../core/mongo";
import { connectRedis } from "../../core/redis";

/** The first argument of a worker process, as JSON. */
export interface JobProcessOptions {
  redisUrl: string;
  mongoUri: string;
  prefix: string;
  queue: string;
  /** The Redis list that it adds `begin` and `end` of each job to. */
  runsKey: string;
  /** How long it keeps a job, and whether it blocks its thread for so long, renewing no lock. */
  busyMs: number;
  blocks: boolean;
}

/** A process that works on a queue, for tests of what becomes of its jobs when it is killed. */
async function main(): Promise<void> {
  const { redisUrl, mongoUri, prefix, queue, runsKey, busyMs, blocks } = JSON.parse(
    process.argv[2] ?? "",
  ) as JobProcessOptions;
  const redis = connectRedis({ url: redisUrl, name: "job-process", blocking: true });
  const mongo = await connectMongo({ uri: mongoUri, name: "job-process" });
  processQueue({
    name: queue,
    redis,
    config: { redis: { prefix } },
    concurrency: 1,
    deadLetters: createDeadLetterStore(mongo),
    clock: systemClock,
    logger: pino({ level: "silent" }),
    async process() {
      await redis.rpush(runsKey, "begin");
      if (blocks) blockFor(busyMs);
      else await delay(busyMs);
      await redis.rpush(runsKey, "end");
    },
  });
  process.stdin.on("end", () => process.exit(0)).resume();
}

function blockFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
