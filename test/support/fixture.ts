import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Wallet, type HDNodeWallet } from "ethers";
import type { Express } from "express";
import { createDeviceSessionStore } from "../../api/devices/store";
import type { Endpoint } from "../../api/http/endpoint";
import { gaugesOf, type Module } from "../../api/http/module";
import { createInternalApp } from "../../api/http/internalApp";
import { createPublicApp } from "../../api/http/publicApp";
import { listen } from "../../api/http/server";
import { callersOf, createModules, type Modules, type Replacements } from "../../api/modules";
import { createUserStore } from "../../api/sessions/users/store";
import { createWalletStore } from "../../api/wallets/store";
import { type RunningWorkers, startWorkers } from "../../api/workers";
import { formatDid } from "../../chain/did/did";
import type { Clock } from "../../core/clock";
import { createLogger } from "../../core/logger";
import { ensureIndexes } from "../../core/mongo";
import type { Context, Timing } from "../../process/context";
import { type DependencyCheck, watchReadiness } from "../../process/health";
import { createProcessMetrics } from "../../process/metrics";
import { serveOperations } from "../../process/operationsServer";
import { deployContracts } from "../../chain/deploy";
import { type Answer, ask, type AskOptions } from "./ask";
import { followChain } from "./followChain";
import { type AskAsGateway, askAsGateway, newServiceKey, type ServiceKey } from "./serviceTokens";
import { fundedKey, testMongoUri, testRedisUrl, testRpcUrl } from "./servers";
import { type ConfigPatch, type ContextOptions, createTestContext } from "./testContext";

export const ADMIN_KEY = "CAIRN-ADM-test-key-of-a-fixture";
export const CHAIN_ID = 31337;

/** Tests share users and wallets as nobody does: those of the policy set limits of their own. */
const AMPLE_BUDGETS = {
  RELAYER_WALLET_DAILY_GAS: "1000000000",
  RELAYER_USER_DAILY_GAS: "1000000000",
  RELAYER_CONTRACT_WALLETS: "true",
  RELAYER_BACKOFF_SECONDS: "1",
};

export type ModuleName = keyof Modules;

export interface FixtureOptions {
  /** Whose endpoints are served and whose workers run; those of all modules when absent. */
  modules?: ModuleName[];
  /** `true`: contracts of this fixture's own on the suite's chain; an object: on another chain. Absent: none answers. */
  chain?: boolean | { rpcUrl: string };
  /** Whether the workers run from the beginning. */
  workers?: boolean;
  clock?: Clock;
  config?: ConfigPatch;
  timing?: Partial<Timing>;
  replacements?: Replacements;
  /** What readiness asks. */
  checks?: DependencyCheck[];
  onStep?: Context["onStep"];
  /** Under which people reach the API; this fixture's own address when absent. */
  publicUrl?: string;
  prefix?: string;
}

/** A user with a session; with a wallet, the holder of its DID. */
export interface TestUser {
  userId: string;
  email: string;
  name: string;
  token: string;
}

/** A registered device. */
export interface TestDevice {
  deviceSessionId: string;
  userId: string;
  privateKey: KeyObject;
}

/** Cairn over HTTP, with a database, Redis keys, signing keys and, where asked for, contracts of its own. */
export interface Fixture {
  url: string;
  operationsUrl: string;
  /** The internal port, and the key by which it knows a gateway. */
  internal: { url: string; key: ServiceKey; endpoints: Endpoint[] };
  context: Context;
  modules: Modules;
  app: Express;
  /** Every operation that is served. */
  endpoints: Endpoint[];
  /** From which a child process makes the same context. */
  contextOptions: ContextOptions;
  chain: FixtureChain;
  /** Answers that the OpenAPI document does not foresee. */
  undeclared: string[];
  /** Every log line so far. */
  log(): string;
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** Asks the internal port as a gateway does. */
  askAsGateway(method: string, path: string, options?: AskAsGateway): Promise<Answer>;
  /** A device of the user with an active session. */
  newDevice(userId: string): Promise<TestDevice>;
  /** A fresh account with a session, made without a password. */
  newUser(name?: string): Promise<TestUser>;
  /** Links a wallet to an account as a proof of control would. */
  linkWallet(userId: string, walletAddress: string): Promise<string>;
  metrics(): Promise<string>;
  startWorkers(): RunningWorkers;
  stopWorkers(): Promise<void>;
  /** Indexes the chain into this fixture's database from now on; resolves once the index has caught up. */
  startIndexer(): Promise<void>;
  /** Ends everything; fails when an answer was not as its endpoint declares. */
  close(): Promise<void>;
}

/** Where the contracts are, and who may write to them. */
export interface FixtureChain {
  rpcUrl: string;
  deploymentsDir: string;
  /** The key that deployed the contracts and owns IssuerRegistry. */
  deployerPrivateKey: string;
  /** A funded key of this fixture's own, so that files can share a chain. */
  relayer: HDNodeWallet;
}

/** Starts Cairn for a test file. */
export async function fixture(name: string, options: FixtureOptions = {}): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), `cairn-${name}-`));
  const lines: string[] = [];
  const undeclared: string[] = [];
  const logger = createLogger({ processName: "api", logLevel: "trace" }, { write: (line) => void lines.push(line) });
  const chain = await prepareChain(folder, options.chain);
  // The application needs its own address, which is known once the server listens.
  const server = await listen((request, response) => served.app(request, response), { host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${server.port}`;
  const internalServer = await listen((request, response) => servedInternally.app(request, response), {
    host: "127.0.0.1",
    port: 0,
  });
  const internal = { url: `http://127.0.0.1:${internalServer.port}`, key: newServiceKey() };
  const contextOptions: ContextOptions = {
    environment: {
      MONGODB_URI: testMongoUri(name.replaceAll("-", "_")),
      REDIS_URL: testRedisUrl(),
      REDIS_PREFIX: options.prefix ?? `test-${randomBytes(4).toString("hex")}`,
      RPC_URL: chain.rpcUrl,
      CHAIN_ID: String(CHAIN_ID),
      DEPLOYMENTS_DIR: chain.deploymentsDir,
      KEYSTORE_DIR: join(folder, "keys"),
      MAILBOX_DIR: join(folder, "mailbox"),
      RELAYER_PRIVATE_KEY: chain.relayer.privateKey,
      ADMIN_API_KEY: ADMIN_KEY,
      LOGIN_LIMITS: "false",
      ...AMPLE_BUDGETS,
      TRUST_PROXY: "1",
      PUBLIC_URL: options.publicUrl ?? url,
    },
    config: options.config ?? {},
    timing: options.timing ?? {},
  };
  const { context, close } = await createTestContext(contextOptions, {
    logger,
    clock: options.clock,
    withChain: options.chain !== undefined && options.chain !== false,
    onStep: options.onStep,
  });
  const modules = createModules(context, options.replacements);
  const list = chosen(modules, options.modules);
  await ensureIndexes(context.mongo);
  const readiness = watchReadiness(options.checks ?? [], logger);
  const callers = callersOf(modules);
  const onUndeclared = (what: string) => void undeclared.push(what);
  const served = createPublicApp(context, list, { ...callers, readiness, onUndeclared });
  const servedInternally = createInternalApp(context, list, {
    publicKeys: [internal.key.publicKey],
    authenticateDevice: callers.authenticateDevice,
    onUndeclared,
  });
  const metrics = createProcessMetrics(gaugesOf(list), context.metrics);
  const operations = await serveOperations({ host: "127.0.0.1", port: 0, readiness, metrics });
  let workers: RunningWorkers | undefined;
  let stopIndexer: (() => Promise<void>) | undefined;

  const opened: Fixture = {
    url,
    operationsUrl: `http://127.0.0.1:${operations.port}`,
    internal: { ...internal, endpoints: servedInternally.endpoints },
    context,
    modules,
    app: served.app,
    endpoints: served.endpoints,
    contextOptions,
    chain,
    undeclared,
    log: () => lines.join(""),
    ask: (method, path, asked) => ask(`${url}${path}`, method, asked),
    askAsGateway: (method, path, asked) => askAsGateway(internal, method, path, asked),
    newDevice: (userId) => addDevice(context, userId),
    newUser: (person) => addUser(context, modules, person),
    linkWallet: (userId, walletAddress) => linkWallet(context, userId, walletAddress),
    metrics: () => metrics.text(),
    startWorkers: () => (workers ??= startWorkers(context, list)),
    async stopWorkers() {
      await workers?.close(5_000);
      workers = undefined;
    },
    async startIndexer() {
      stopIndexer ??= await followChain(context, contextOptions);
    },
    async close() {
      await opened.stopWorkers();
      await stopIndexer?.();
      await Promise.all([server.close(1_000), internalServer.close(1_000)]);
      await operations.close();
      await Promise.all(Object.values(modules).map((module: Module) => module.close()));
      const keys = await context.redis.keys(`${context.config.redis.prefix}*`);
      if (keys.length > 0) await context.redis.del(...keys);
      await context.mongo.dropDatabase();
      await close();
      rmSync(folder, { recursive: true, force: true });
      expect(undeclared, "answers the OpenAPI document does not foresee").to.deep.equal([]);
    },
  };
  if (options.workers === true) opened.startWorkers();
  return opened;
}

/** The modules that a test asks for. */
export function chosen(modules: Modules, names: ModuleName[] | undefined): Module[] {
  return names === undefined ? Object.values(modules) : names.map((name) => modules[name]);
}

async function prepareChain(folder: string, asked: FixtureOptions["chain"]): Promise<FixtureChain> {
  const rpcUrl = typeof asked === "object" ? asked.rpcUrl : testRpcUrl();
  const deploymentsDir = join(folder, "deployments");
  const relayer = Wallet.createRandom();
  if (asked === undefined || asked === false) {
    return { rpcUrl, deploymentsDir, deployerPrivateKey: relayer.privateKey, relayer };
  }
  // Addresses follow from the constructor's arguments: a method of its own gives each fixture its own contracts.
  const didMethod = `t${randomBytes(6).toString("hex")}`;
  const deployerPrivateKey = await fundedKey(rpcUrl);
  await deployContracts({
    rpcUrl,
    chainId: CHAIN_ID,
    deployerPrivateKey,
    didMethod,
    deploymentsDir,
    report: () => undefined,
  });
  await fund(rpcUrl, relayer.address);
  return { rpcUrl, deploymentsDir, deployerPrivateKey, relayer };
}

/** Gives an account of a development chain money, in wei. */
export async function fund(rpcUrl: string, address: string, wei = 10n ** 21n): Promise<void> {
  const params = [address, `0x${wei.toString(16)}`];
  await ask(rpcUrl, "POST", { body: { jsonrpc: "2.0", id: 1, method: "hardhat_setBalance", params } });
}

/** Argon2id of a password that nobody knows. */
const NOBODYS_PASSWORD =
  "$argon2id$v=19$m=8,t=1,p=1$UHgLiw6zRqHFvLwAJcb0WQ$H3KprzF/FhdAcMZBlXjvlDAz+FKs6zcbAFpGyzDKXcg";

async function addUser(context: Context, modules: Modules, name = "Alice Smith"): Promise<TestUser> {
  const userId = randomUUID();
  const email = `${userId}@example.com`;
  await createUserStore(context).insert({
    _id: userId,
    email,
    name,
    passwordHash: NOBODYS_PASSWORD,
    createdAt: context.clock.now(),
    passwordVersion: 1,
    emailVerifiedAt: null,
  });
  const { token } = await modules.sessions.ports.openSession({ userId, userAgent: undefined });
  return { userId, email, name, token };
}

async function addDevice(context: Context, userId: string): Promise<TestDevice> {
  const deviceSessionId = randomUUID();
  const { privateKey, publicKey: key } = generateKeyPairSync("ed25519");
  const publicKey = key.export({ format: "jwk" }).x ?? "";
  const createdAt = context.clock.now();
  await createDeviceSessionStore(context).insert({
    _id: deviceSessionId,
    userId,
    publicKey,
    name: "A phone",
    createdAt,
  });
  return { deviceSessionId, userId, privateKey };
}

async function linkWallet({ mongo, chain, clock }: Context, userId: string, address: string): Promise<string> {
  const walletAddress = address.toLowerCase();
  const did = formatDid(chain.deployment.didMethod, walletAddress);
  await createWalletStore(mongo).insert({
    walletAddress,
    userId,
    did,
    kind: "key",
    verifiedAt: clock.now(),
    anchoring: {
      id: randomUUID(),
      status: "awaiting_signature",
      registration: null,
      alone: false,
      transactionHashes: [],
      blockNumber: null,
      error: null,
      updatedAt: clock.now(),
    },
  });
  return did;
}
