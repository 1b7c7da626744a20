import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { createHttpApp } from "../../api/http/httpApp";
import { openBudgets } from "../../api/http/rateLimit";
import { listen } from "../../api/http/server";
import { type ClientRegistration, registerClient } from "../../api/oauth/clients/actions";
import { openClientStore } from "../../api/oauth/clients/store";
import { openOAuthSessionStore, type OAuthSessionStore } from "../../api/oauth/store";
import type { SettlingParts } from "../../api/oauth/authorization/closeSession";
import { oauthSealer, oauthWebhookSecret, startOAuth, wireOAuthApi } from "../../api/oauthWiring";
import { openInboxQueue, startInboxWorker } from "../../api/webhooks/inbox/jobs";
import { openInbox } from "../../api/webhooks/inbox/store";
import { type Clock, systemClock } from "../../core/clock";
import { createDeadLetterStore } from "../../core/jobs/deadLetters";
import { openFileKeyStore } from "../../core/keys/fileKeyStore";
import { createLogger } from "../../core/logger";
import { connectMongo, ensureIndexes, type Mongo } from "../../core/mongo";
import { connectRedis } from "../../core/redis";
import { type MockVerifier, type MockVerifierOptions, startMockVerifier } from "../../embedded/verifier/mockVerifier";
import { testMongo, testRedisUrl } from "./servers";

/** The page's cookie; without TLS a program has to carry it by hand. */
export const BROWSER_COOKIE = "__Host-cairn-oauth";
export const REDIRECT_URI = "https://shop.example/callback";

/** A clock that goes on like the machine's, and can be moved. */
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

export const AGE_SCOPE = {
  name: "age",
  description: "that you are over 18",
  dcql: {
    credentials: [
      { id: "id", format: "dc+sd-jwt", meta: { vct_values: ["betaid-sdjwt"] }, claims: [{ path: ["age_over_18"] }] },
    ],
  },
};

/** What a worker of the gateway is made from, in this process or another. */
export interface WorkerOrders {
  mongodbUri: string;
  redisUrl: string;
  prefix: string;
  keysDir: string;
  recheckSeconds: number;
  sweepEveryMs: number;
}

const PASSPHRASE = "passphrase of a test";

/** Starts the gateway's worker: the inbox's with the gateway's handler, and the look-out for sessions. */
export async function startGatewayWorker(
  orders: WorkerOrders,
  parts: { mongo: Mongo; redis: Redis; clock: Clock; write: (line: string) => void; onStep?: SettlingParts["onStep"] },
): Promise<{ close(): Promise<void> }> {
  const { mongo, redis, clock, write, onStep } = parts;
  const { prefix, recheckSeconds, sweepEveryMs } = orders;
  const logger = createLogger({ processName: "worker", logLevel: "trace" }, { write });
  const keys = await openFileKeyStore({ directory: orders.keysDir, passphrase: PASSPHRASE });
  const gateway = startOAuth({
    config: {
      redis: { url: orders.redisUrl, prefix },
      oauth: { recheckSeconds, verifierTimeoutMs: 500 },
      production: false,
    },
    ...{ clock, logger, mongo, keys, redis, sweepEveryMs, ...(onStep && { onStep }) },
  });
  const queue = openInboxQueue({ redis, prefix });
  const inboxWorker = startInboxWorker({
    ...{ inbox: openInbox(mongo), queue, redis, prefix, deadLetters: createDeadLetterStore(mongo), clock, logger },
    ...{ concurrency: 16, handlers: { oauth: gateway.handler }, sweepEveryMs },
  });
  return {
    async close() {
      await Promise.all([inboxWorker.close(5_000), gateway.close(5_000)]);
      await queue.close();
    },
  };
}

export interface StageOptions {
  worker?: boolean;
  clock?: Clock;
  recheckSeconds?: number;
  standIn?: MockVerifierOptions;
  limited?: boolean;
}

export interface TestClient {
  clientId: string;
  secret: string;
}

/** The gateway behind a real HTTP server, its worker, and a stand-in for the verifier, on the suite's servers. */
export interface Stage {
  url: string;
  mongo: Mongo;
  redis: Redis;
  prefix: string;
  verifier: MockVerifier;
  sessions: OAuthSessionStore;
  client: TestClient;
  orders: WorkerOrders;
  undeclared: string[];
  log(): string;
  addClient(given?: Partial<ClientRegistration>): Promise<TestClient>;
  webhookSecret(clientId: string): Promise<string>;
  startWorker(): Promise<void>;
  stopWorkers(): Promise<void>;
  close(): Promise<void>;
}

export async function setStage(name: string, options: StageOptions = {}): Promise<Stage> {
  const mongo = await testMongo(name);
  const redis = connectRedis({ url: testRedisUrl(), name: `test-${name}`, blocking: true });
  const keysDir = mkdtempSync(join(tmpdir(), "cairn-oauth-keys-"));
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const undeclared: string[] = [];
  const { host, port, name: database } = mongo;
  const orders: WorkerOrders = {
    ...{
      mongodbUri: `mongodb://${host}:${port}/${database}`,
      redisUrl: testRedisUrl(),
      prefix: `test-${randomUUID()}`,
      keysDir,
    },
    ...{ recheckSeconds: options.recheckSeconds ?? 60, sweepEveryMs: 100 },
  };
  const { prefix } = orders;
  const clock = options.clock ?? systemClock;
  const logger = createLogger({ processName: "api", logLevel: "trace" }, { write });
  const keys = await openFileKeyStore({ directory: keysDir, passphrase: PASSPHRASE });

  const server = await listen((request, response) => app(request, response), { host: "127.0.0.1", port: 0 });
  const url = `http://localhost:${server.port}`;
  const gateway = wireOAuthApi({
    config: {
      redis: { url: orders.redisUrl, prefix },
      oauth: { recheckSeconds: orders.recheckSeconds, verifierTimeoutMs: 500 },
      production: false,
    },
    ...{ clock, logger, mongo, redis, keys, publicUrl: url },
    ...{ sweepSeconds: 1, limited: options.limited ?? false },
  });
  // Its own address is known only now; nobody asks before.
  const app = createHttpApp(gateway.endpoints, {
    readSession: () => Promise.reject(new Error("There are no sessions here.")),
    budgets: openBudgets({ redis, prefix }),
    ...{ bodyLimitBytes: 65_536, publicUrl: url, logger, trustProxy: 0 },
    onUndeclared: (what) => undeclared.push(what),
    onFinished: () => undefined,
  });
  const clients = openClientStore(mongo);
  const sessions = openOAuthSessionStore(mongo);
  await ensureIndexes(mongo);
  const verifier = await startMockVerifier({ webhook: { url: `${url}/notification` }, ...options.standIn });
  const workers: { close(): Promise<void> }[] = [];
  const workerRedis: Redis[] = [];

  const stage: Stage = {
    ...{ url, mongo, redis, prefix, verifier, sessions, orders, undeclared, client: { clientId: "", secret: "" } },
    log: () => lines.join(""),
    async addClient(given = {}) {
      const { client, secret } = await registerClient(
        { clients, sealer: oauthSealer(keys), clock },
        {
          name: "Shop & Sons",
          redirectUris: [REDIRECT_URI, `${REDIRECT_URI}/other`],
          verifierUrl: verifier.url,
          scopes: [AGE_SCOPE],
          ...given,
        },
      );
      return { clientId: client.clientId, secret };
    },
    webhookSecret: (clientId) => oauthWebhookSecret(keys, clientId),
    async startWorker() {
      const connection = connectRedis({ url: testRedisUrl(), name: `test-${name}-worker`, blocking: true });
      workerRedis.push(connection);
      workers.push(await startGatewayWorker(orders, { mongo, redis: connection, clock, write }));
    },
    async stopWorkers() {
      await Promise.all(workers.splice(0).map((worker) => worker.close()));
      for (const connection of workerRedis.splice(0)) connection.disconnect();
    },
    async close() {
      await verifier.close();
      await stage.stopWorkers();
      await server.close(1_000);
      await gateway.close();
      const left = await redis.keys(`${prefix}*`);
      if (left.length > 0) await redis.del(...left);
      redis.disconnect();
      await mongo.dropDatabase();
      await mongo.close();
      rmSync(keysDir, { recursive: true, force: true });
    },
  };
  stage.client = await stage.addClient();
  if (options.worker !== false) await stage.startWorker();
  return stage;
}

/** Opens the connections a worker of its own process needs. */
export async function connectWorker(orders: WorkerOrders): Promise<{ mongo: Mongo; redis: Redis }> {
  return {
    mongo: await connectMongo({ uri: orders.mongodbUri, name: "child" }),
    redis: connectRedis({ url: orders.redisUrl, name: "child", blocking: true }),
  };
}
