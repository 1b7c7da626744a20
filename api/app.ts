import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Express } from "express";
import type { Redis } from "ioredis";
import type { Registry } from "prom-client";
import type { Chain } from "../chain/client";
import type { Clock } from "../core/clock";
import type { Config } from "../core/config/config";
import type { Logger } from "../core/logger";
import type { Mongo } from "../core/mongo";
import type { Projection } from "../projection/queries";
import { didEndpoints } from "./dids/routes";
import type { ApiKeyReader } from "./http/apiKeys";
import type { SessionReader } from "./http/authenticate";
import { documentationEndpoints } from "./http/docs";
import type { Endpoint } from "./http/endpoint";
import { createHttpApp } from "./http/httpApp";
import { type BudgetMaker, openBudgets } from "./http/rateLimit";
import { type DependencyCheck, watchReadiness } from "../process/health";
import { createApiMetrics } from "./http/metrics";
import { healthEndpoints, metricsEndpoints } from "./http/operations";
import { openSession, readSession, type SessionParts } from "./sessions/actions";
import { openKnownPlaces } from "./sessions/loginLimits/store";
import { limitLogins, LOGIN_LIMITS, unlimitedLogins } from "./sessions/loginLimits/rules";
import type { Passwords } from "./sessions/users/passwords";
import { sessionEndpoints } from "./sessions/routes";
import { openSessionStore } from "./sessions/store";
import { openUserStore } from "./sessions/users/store";
import { openChallengeStore } from "./wallets/challenges/store";
import { registrationReader } from "./wallets/indexed";
import { type AnchoringQueue, enqueueAnchoring, openAnchoringQueue } from "./wallets/anchoring/jobs";
import { walletEndpoints } from "./wallets/routes";
import { openWalletStore } from "./wallets/store";

/** What the API is made of; whoever opens these closes them. */
export interface AppDependencies {
  config: Pick<Config, "http" | "sessions" | "redis" | "wallets">;
  clock: Clock;
  logger: Logger;
  mongo: Mongo;
  redis: Redis;
  chain: Chain;
  index: Projection;
  passwords: Passwords;
  /** What readiness asks. */
  checks: DependencyCheck[];
  metricsRegistry: Registry;
  /** See RouterParts. */
  onUndeclared?: (what: string) => void;
}

/** Something the API is extended by: its operations, and what comes with them. */
export interface ApiPart {
  endpoints: Endpoint[];
  /** Depths of its queues, for the metrics. */
  queues: Record<string, () => Promise<number>>;
  /** Reads the API keys of issuers, verifiers and administrators; one part at most brings it. */
  readApiKey?: ApiKeyReader;
  /** What it asks of all operations, its own and the others'. */
  policy?: (endpoints: Endpoint[]) => Endpoint[];
  close(): Promise<void>;
}

/** The API: what the public reaches, and what only operators do. */
export interface App {
  publicApp: Express;
  /** Health and metrics, for a listener that is not public. */
  operationsApp: Express;
  /** Every operation of the public part. */
  endpoints: Endpoint[];
  /** Closes what was opened here. */
  close(): Promise<void>;
}

/** Puts the API together from accounts, wallets, DIDs and the parts given. */
export function createApp(deps: AppDependencies, parts: ApiPart[] = []): App {
  const { config, clock, logger, redis } = deps;
  const { publicUrl, bodyLimitBytes, trustProxy } = config.http;
  const { prefix } = config.redis;
  const budgets = openBudgets({ redis, prefix });
  const sessions = openSessionParts(deps, budgets);
  const queue = openAnchoringQueue({ redis, prefix });
  const metrics = createApiMetrics({
    registry: deps.metricsRegistry,
    queues: parts.reduce((all, { queues }) => ({ ...all, ...queues }), { [queue.name]: () => queue.depth() }),
    sessions: () => sessions.sessions.countValid(clock.now()),
  });
  const readCaller: SessionReader = async (token) => {
    const { userId, _id } = await readSession(sessions, token);
    return { userId, sessionId: _id };
  };

  const health = healthEndpoints({ readiness: watchReadiness(deps.checks, logger) });
  const declared = [
    ...accountEndpoints(deps, { sessions, queue, readCaller }),
    ...parts.flatMap((part) => part.endpoints),
    ...health,
  ];
  const slices = parts.reduce((all, { policy }) => policy?.(all) ?? all, declared);
  const endpoints = [...slices, ...documentationEndpoints(slices, { version: ownVersion(), publicUrl })];

  const readApiKey = parts.find((part) => part.readApiKey !== undefined)?.readApiKey;
  const http = {
    ...{ budgets, logger, publicUrl, bodyLimitBytes, trustProxy },
    readSession: readCaller,
    ...(readApiKey && { readApiKey }),
  };
  return {
    publicApp: createHttpApp(endpoints, {
      ...http,
      onUndeclared: deps.onUndeclared,
      onFinished: (request) => metrics.observeRequest(request),
    }),
    operationsApp: createHttpApp([...health, ...metricsEndpoints(metrics)], { ...http, onFinished: () => undefined }),
    endpoints,
    async close() {
      await Promise.all([queue.close(), ...parts.map((part) => part.close())]);
    },
  };
}

/** Accounts, their sessions and wallets, and the DIDs of these. */
function accountEndpoints(
  { config, clock, mongo, chain, index }: AppDependencies,
  { sessions, queue, readCaller }: { sessions: SessionParts; queue: AnchoringQueue; readCaller: SessionReader },
): Endpoint[] {
  const wallets = openWalletStore(mongo);
  const limited = config.sessions.limitLogins;
  const { didMethod: method } = chain.deployment;
  return [
    ...sessionEndpoints({
      ...sessions,
      walletsOf: async (userId) =>
        (await wallets.ofUser(userId)).map(({ walletAddress, did }) => ({ walletAddress, did })),
      limited,
    }),
    ...walletEndpoints({
      wallets,
      challenges: openChallengeStore(mongo),
      chain,
      indexedRegistration: registrationReader(index),
      enqueueAnchoring: (wallet, requestId) => enqueueAnchoring(queue, wallet, requestId),
      publicUrl: config.http.publicUrl,
      challengeSeconds: config.wallets.challengeSeconds,
      clock,
      readSession: readCaller,
      openSession: ({ userId, userAgent }) => openSession(sessions, { userId, userAgent }),
      limited,
    }),
    ...didEndpoints({ index, method, chainId: chain.chainId, clock }),
  ];
}

function openSessionParts(
  { config, clock, logger, mongo, redis, passwords }: AppDependencies,
  budgets: BudgetMaker,
): SessionParts {
  const { idleSeconds, extensionSeconds, absoluteSeconds, limitLogins: limited } = config.sessions;
  const lifetime = { idleSeconds, extensionSeconds, absoluteSeconds };
  const places = openKnownPlaces({ redis, prefix: config.redis.prefix, logger });
  const { address, account, pair, pause } = LOGIN_LIMITS;
  const attempts = { address: budgets(address), account: budgets(account), pair: budgets(pair), pause: budgets(pause) };
  return {
    users: openUserStore(mongo),
    sessions: openSessionStore(mongo, lifetime),
    passwords,
    logins: limited ? limitLogins(attempts, places) : unlimitedLogins,
    clock,
    lifetime,
  };
}

function ownVersion(): string {
  return (JSON.parse(readFileSync(join(__dirname, "..", "package.json"), "utf8")) as { version: string }).version;
}
