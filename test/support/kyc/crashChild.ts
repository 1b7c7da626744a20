import mongoose from "mongoose";
import { pino } from "pino";
import { createHttpApp } from "../../../api/http/httpApp";
import { openBudgets } from "../../../api/http/rateLimit";
import { listen } from "../../../api/http/server";
import { type KycWiring, startKycWorker, wireKycApi } from "../../../api/kycWiring";
import { systemClock } from "../../../core/clock";
import { connectRedis } from "../../../core/redis";

/**
 * Where the child kills itself with SIGKILL:
 *
 * - `{ mongo, when, nth }`: before or after the nth command of this name on this collection;
 * - `{ queue }`: before anything is sent to Redis that adds to this queue;
 * - `{ fetch, when }`: before or after a call to an address that contains this.
 */
export type CrashPoint =
  | { mongo: `${"insert" | "update" | "find"} ${string}`; when: "before" | "after"; nth: number }
  | { queue: string }
  | { fetch: string; when: "before" | "after" };

/** What the child is told in the variable `CRASH_CHILD`, as JSON. */
export interface CrashOrder {
  mongodbUri: string;
  redisUrl: string;
  config: KycWiring["config"];
  crash: CrashPoint;
}

const die = () => process.kill(process.pid, "SIGKILL");

/** API and worker of KYC in one process that dies at the point it was ordered to. */
async function main(): Promise<void> {
  const order = JSON.parse(process.env["CRASH_CHILD"] ?? "") as CrashOrder;
  const { config, crash } = order;
  const mongo = await mongoose
    .createConnection(order.mongodbUri, {
      autoIndex: false,
      autoCreate: false,
      monitorCommands: true,
      writeConcern: { w: "majority" },
    })
    .asPromise();
  const redis = connectRedis({ url: order.redisUrl, name: "crash-child", blocking: true });
  const logger = pino({ level: "silent" });

  if ("mongo" in crash) {
    const [command = "", collection] = crash.mongo.split(" ");
    let seen = 0;
    const isIt = (event: { commandName: string; command?: Record<string, unknown> }) =>
      event.commandName === command && event.command?.[command] === collection;
    const requests = new Set<number>();
    mongo.getClient().on("commandStarted", (event) => {
      if (!isIt(event)) return;
      seen += 1;
      if (seen !== crash.nth) return;
      if (crash.when === "before") die();
      requests.add(event.requestId);
    });
    mongo.getClient().on("commandSucceeded", (event) => {
      if (requests.has(event.requestId)) die();
    });
  } else if ("queue" in crash) {
    // BullMQ adds a job by a script that is given the queue's keys and the job's name, which is the queue's.
    const send = redis.sendCommand.bind(redis);
    redis.sendCommand = (command, ...rest) => {
      const isScript = command.name === "evalsha" || command.name === "eval";
      const words = command.args.flat().map((word) => (Buffer.isBuffer(word) ? word.toString("latin1") : String(word)));
      if (
        isScript &&
        words.some((word) => word.endsWith(`:${crash.queue}:events`)) &&
        words.some((word) => word.includes("jittered"))
      )
        die();
      return send(command, ...rest);
    };
  } else {
    const real = globalThis.fetch;
    globalThis.fetch = async (...args) => {
      const isIt = (args[0] instanceof Request ? args[0].url : args[0].toString()).includes(crash.fetch);
      if (isIt && crash.when === "before") die();
      const response = await real(...args);
      if (isIt) die();
      return response;
    };
  }

  const wiring: KycWiring = {
    config,
    clock: systemClock,
    logger,
    mongo,
    redis,
    timing: { sweepEveryMs: 200, sweepSeconds: 1 },
  };
  const api = wireKycApi({ ...wiring, countDelivery: () => undefined });
  startKycWorker({
    ...wiring,
    recipientOf: (userId) => Promise.resolve({ name: "Alice", address: `${userId}@example.com` }),
  });
  const app = createHttpApp(api.endpoints, {
    readSession: () => Promise.reject(new Error("no sessions here")),
    readApiKey: () => Promise.reject(new Error("no API keys here")),
    budgets: openBudgets({ redis, prefix: config.redis.prefix }),
    ...{ bodyLimitBytes: 65_536, publicUrl: config.http.publicUrl, logger, trustProxy: 0 },
    onFinished: () => undefined,
  });
  const { port } = await listen(app, { host: "127.0.0.1", port: 0 });
  process.stdout.write(`${JSON.stringify({ port })}\n`);
}

void main();
