import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { pino } from "pino";
import { Registry } from "prom-client";
import type { Endpoint } from "../../../api/http/endpoint";
import { createHttpApp } from "../../../api/http/httpApp";
import { openBudgets } from "../../../api/http/rateLimit";
import { type HttpServer, listen } from "../../../api/http/server";
import {
  type KycApi,
  type KycTiming,
  type KycWiring,
  type KycWorker,
  startKycWorker,
  wireKycApi,
} from "../../../api/kycWiring";
import { countDeliveries } from "../../../api/webhooks/inbox/metrics";
import { type Clock, systemClock } from "../../../core/clock";
import type { KycConfig } from "../../../core/config/kyc";
import type { Logger } from "../../../core/logger";
import { ensureIndexes, type Mongo } from "../../../core/mongo";
import { connectRedis } from "../../../core/redis";
import { testMongo, testRedisUrl } from "../servers";

/** Clock that a test can move; between moves it goes on like the real one. */
export interface MovableClock extends Clock {
  moveSeconds(seconds: number): void;
}

export function movableClock(): MovableClock {
  let offsetMs = 0;
  return {
    now: () => new Date(systemClock.now().getTime() + offsetMs),
    moveSeconds: (seconds) => void (offsetMs += seconds * 1000),
  };
}

export interface StageOptions {
  kyc: KycConfig;
  mail?: NonNullable<KycWiring["config"]["mail"]>;
  clock?: Clock;
  timing?: Partial<KycTiming>;
  /** Lines of every log entry, for tests that read them. */
  log?: string[];
  /** False to leave deliveries unworked. */
  worker?: boolean;
  prefix?: string;
  more?: (api: KycApi) => Endpoint[];
}

/** The API's KYC side behind a real HTTP server, and its worker, on the suite's servers. */
export interface Stage {
  url: string;
  mongo: Mongo;
  redis: Redis;
  prefix: string;
  mailboxDir: string;
  api: KycApi;
  /** What an endpoint answered that its declaration does not foresee. */
  undeclared: string[];
  metrics(): Promise<string>;
  startWorker(): KycWorker;
  addUser(): Promise<string>;
  /** A request of a user, or of nobody. */
  call(
    method: string,
    path: string,
    options?: CallOptions,
  ): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>;
  kycOf(userId: string): Promise<Record<string, unknown> | undefined>;
  close(): Promise<void>;
}

interface CallOptions {
  userId?: string;
  body?: string | Buffer;
  headers?: Record<string, string>;
}

/** Sets the stage; the test closes it. */
export async function setStage(name: string, options: StageOptions): Promise<Stage> {
  const mongo = await testMongo(name);
  const redis = connectRedis({ url: testRedisUrl(), name: `test-${name}` });
  const prefix = options.prefix ?? `test-${randomUUID()}`;
  const mailboxDir = mkdtempSync(join(tmpdir(), "cairn-mailbox-"));
  const logger: Logger =
    options.log === undefined
      ? pino({ level: "silent" })
      : pino({ level: "trace" }, { write: (line) => options.log?.push(line) });
  const registry = new Registry();
  const undeclared: string[] = [];

  // The application needs its own address, which is known once the server listens.
  const holder: { app?: ReturnType<typeof createHttpApp> } = {};
  const server: HttpServer = await listen((request, response) => holder.app?.(request, response), {
    host: "127.0.0.1",
    port: 0,
  });
  const url = `http://127.0.0.1:${server.port}`;
  const wiring: KycWiring = {
    config: {
      redis: { url: testRedisUrl(), prefix },
      kyc: options.kyc,
      mail: options.mail ?? { from: "Cairn <no-reply@cairn.test>", mailboxDir },
      http: { publicUrl: url },
    },
    ...{ clock: options.clock ?? systemClock, logger, mongo, redis },
    timing: { sweepEveryMs: 100, sweepSeconds: 1, ...options.timing },
  };
  const api = wireKycApi({ ...wiring, countDelivery: countDeliveries(registry) });
  holder.app = createHttpApp([...api.endpoints, ...(options.more?.(api) ?? [])], {
    readSession: (token) => Promise.resolve({ userId: token, sessionId: randomUUID() }),
    readApiKey: () => Promise.reject(new Error("There are no API keys here.")),
    budgets: openBudgets({ redis, prefix }),
    ...{ bodyLimitBytes: 65_536, publicUrl: url, logger, trustProxy: 0 },
    onUndeclared: (what) => undeclared.push(what),
    onFinished: () => undefined,
  });
  await ensureIndexes(mongo);
  const workers: KycWorker[] = [];
  const users = mongo.collection<{ _id: string; email: string; name: string }>("users");

  const stage: Stage = {
    ...{ url, mongo, redis, prefix, mailboxDir, api, undeclared },
    metrics: () => registry.metrics(),
    startWorker() {
      const recipientOf = async (userId: string) => {
        const user = await users.findOne({ _id: userId });
        return user === null ? null : { name: user.name, address: user.email };
      };
      const worker = startKycWorker({ ...wiring, recipientOf });
      workers.push(worker);
      return worker;
    },
    async addUser() {
      const _id = randomUUID();
      await users.insertOne({ _id, email: `${_id}@example.com`, name: "Alice Smith" });
      return _id;
    },
    async call(method, path, { userId, body, headers } = {}) {
      const authorization = userId === undefined ? {} : { authorization: `Bearer ${userId}` };
      const response = await fetch(url + path, {
        ...{ method, redirect: "manual" as const, headers: { ...authorization, ...headers } },
        ...(body !== undefined && { body: typeof body === "string" ? body : new Uint8Array(body) }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get("content-type") ?? "");
      const parsed = (isJson ? JSON.parse(text) : { text }) as Record<string, unknown>;
      return { status: response.status, body: parsed, headers: response.headers };
    },
    async kycOf(userId) {
      const user = (await users.findOne({ _id: userId })) as { kyc?: Record<string, unknown> } | null;
      return user?.kyc;
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close(5_000)));
      await server.close(2_000);
      await api.close();
      const keys = await redis.keys(`${prefix}*`);
      if (keys.length > 0) await redis.del(...keys);
      await redis.quit();
      await mongo.dropDatabase();
      await mongo.close();
      rmSync(mailboxDir, { recursive: true, force: true });
    },
  };
  if (options.worker !== false) stage.startWorker();
  return stage;
}
