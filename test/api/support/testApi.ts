import { randomBytes } from "node:crypto";
import { expect } from "chai";
import { Registry } from "prom-client";
import type { Express } from "express";
import type { Endpoint } from "../../../api/http/endpoint";
import { listen } from "../../../api/http/server";
import type { DependencyCheck } from "../../../process/health";
import { type AppDependencies, createApp } from "../../../api/app";
import { openPasswords, type Passwords } from "../../../api/sessions/users/passwords";
import type { Chain } from "../../../chain/client";
import { createProjection } from "../../../projection/queries";
import { createProvider } from "../../../chain/provider";
import { DIDRegistry__factory, IssuerRegistry__factory } from "../../../typechain-types";
import { createLogger } from "../../../core/logger";
import { ensureIndexes, type Mongo } from "../../../core/mongo";
import { connectRedis } from "../../../core/redis";
import { type FakeClock, fakeClock } from "../../support/fakeClock";
import { testMongo, testRedisUrl } from "../../support/servers";

/** What tests look at in bodies; only what the operation answers with is there. */
export interface AnswerBody {
  code: string;
  type: string;
  title: string;
  detail: string;
  requestId?: string;
  errors: { field: string; message: string }[];
  userId: string;
  sessionId: string;
  csrfToken: string;
  id: string;
  expiresAt: string;
  dependencies: Record<string, { status: string }>;
  sessions: { id: string; device: string; current: boolean }[];
  [member: string]: unknown;
}

/** An answer; its body is parsed where it is JSON and empty otherwise. */
export interface Answer {
  status: number;
  headers: Headers;
  body: AnswerBody;
  text: string;
}

export interface AskOptions {
  token?: string;
  cookie?: string;
  csrfToken?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** The API over HTTP, with a database and Redis keys of its own and a clock that stands still. */
export interface TestApi {
  url: string;
  operationsUrl: string;
  clock: FakeClock;
  mongo: Mongo;
  app: Express;
  endpoints: Endpoint[];
  /** Every log line so far. */
  log(): string;
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** Registers a fresh account and returns its session token. */
  newUser(name?: string): Promise<{ email: string; password: string; token: string; userId: string }>;
  /** Ends everything; fails when an answer was not as its endpoint declares. */
  close(): Promise<void>;
}

export interface TestApiOptions {
  limited?: boolean;
  trustProxy?: number;
  lifetime?: { idleSeconds: number; extensionSeconds: number; absoluteSeconds: number };
  checks?: DependencyCheck[];
  passwords?: Passwords;
  /** A real chain; without it, one that nothing answers for. */
  chain?: Chain;
}

const LIFETIME = { idleSeconds: 15 * 60, extensionSeconds: 60 * 60, absoluteSeconds: 12 * 60 * 60 };

/** Starts the API for a test file. */
export async function startTestApi(name: string, options: TestApiOptions = {}): Promise<TestApi> {
  const prefix = `test-${name}-${randomBytes(4).toString("hex")}`;
  const clock = fakeClock();
  const lines: string[] = [];
  const undeclared: string[] = [];
  const logger = createLogger({ processName: "api", logLevel: "trace" }, { write: (line) => void lines.push(line) });
  const mongo = await testMongo(name);
  const redis = connectRedis({ url: testRedisUrl(), name: prefix, logger });
  const config: AppDependencies["config"] = {
    http: {
      host: "127.0.0.1",
      port: 0,
      publicUrl: "https://cairn.example",
      trustProxy: options.trustProxy ?? 1,
      bodyLimitBytes: 16_384,
    },
    sessions: { ...(options.lifetime ?? LIFETIME), limitLogins: options.limited ?? false },
    redis: { url: testRedisUrl(), prefix },
    wallets: { challengeSeconds: 300 },
  };
  const chain = options.chain ?? unreachableChain();
  const passwords = options.passwords ?? (await openPasswords());
  const app = createApp({
    config,
    clock,
    logger,
    mongo,
    redis,
    chain,
    index: createProjection(mongo),
    passwords,
    checks: options.checks ?? [],
    metricsRegistry: new Registry(),
    onUndeclared: (what) => void undeclared.push(what),
  });
  await ensureIndexes(mongo);
  if (redis.status !== "ready") await new Promise((resolve) => redis.once("ready", resolve));
  const server = await listen(app.publicApp, { host: "127.0.0.1", port: 0 });
  const operations = await listen(app.operationsApp, { host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${server.port}`;

  const api: TestApi = {
    url,
    operationsUrl: `http://127.0.0.1:${operations.port}`,
    clock,
    mongo,
    app: app.publicApp,
    endpoints: app.endpoints,
    log: () => lines.join(""),
    ask: (method, path, asked) => ask(`${url}${path}`, method, asked),
    async newUser(person = "Alice Smith") {
      const email = `${randomBytes(6).toString("hex")}@example.org`;
      const password = `correct horse ${randomBytes(4).toString("hex")}`;
      const { status, body } = await api.ask("POST", "/auth/register", { body: { email, password, name: person } });
      expect(status).to.equal(201);
      return { email, password, token: body.sessionId, userId: body.userId };
    },
    async close() {
      await server.close(1_000);
      await operations.close(1_000);
      await app.close();
      if (options.chain === undefined) chain.close();
      const keys = await redis.keys(`${prefix}*`);
      if (keys.length > 0) await redis.del(keys);
      await redis.quit();
      await mongo.dropDatabase();
      await mongo.close();
      expect(undeclared, "answers the OpenAPI document does not foresee").to.deep.equal([]);
    },
  };
  return api;
}

/** A chain as a process has it, at an address where nobody listens: sessions need none. */
function unreachableChain(): Chain {
  const nobody = { address: `0x${"00".repeat(20)}`, blockNumber: 0, transactionHash: null, constructorArguments: [] };
  const contract = { ...nobody, blockHash: `0x${"00".repeat(32)}` };
  const provider = createProvider(["http://127.0.0.1:1"], 31337);
  return {
    chainId: 31337,
    deployment: {
      chainId: 31337,
      genesisHash: contract.blockHash,
      didMethod: "mychain",
      contracts: { DIDRegistry: contract, IssuerRegistry: contract },
    },
    provider,
    didRegistry: DIDRegistry__factory.connect(contract.address, provider),
    issuerRegistry: IssuerRegistry__factory.connect(contract.address, provider),
    close: () => provider.destroy(),
  };
}

/** One request; bodies go out as JSON. */
export async function ask(url: string, method: string, options: AskOptions = {}): Promise<Answer> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.token !== undefined) headers["authorization"] = `Bearer ${options.token}`;
  if (options.cookie !== undefined) headers["cookie"] = options.cookie;
  if (options.csrfToken !== undefined) headers["x-csrf-token"] = options.csrfToken;
  if (options.body !== undefined) headers["content-type"] ??= "application/json";
  const body = typeof options.body === "string" ? options.body : JSON.stringify(options.body);
  const response = await fetch(url, { method, headers, ...(options.body !== undefined && { body }) });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : {}) as AnswerBody,
    text,
  };
}

/** The cookie a `Set-Cookie` answer asks the browser to send back. */
export function cookieFrom(answer: Answer): string {
  const set = answer.headers.getSetCookie().find((value) => value.startsWith("__Host-cairn-session="));
  expect(set, "a session cookie").to.be.a("string");
  return set!.split(";")[0]!;
}
