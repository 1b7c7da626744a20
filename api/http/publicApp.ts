import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Express } from "express";
import { createBudgets } from "../../core/budgets";
import type { Context } from "../../process/context";
import type { Readiness } from "../../process/health";
import type { ApiKeyReader } from "./apiKeys";
import type { SessionReader } from "./authenticate";
import { documentationEndpoints } from "./docs";
import type { Endpoint } from "./endpoint";
import { createHttpApp } from "./httpApp";
import type { Module } from "./module";
import { healthEndpoints } from "./healthEndpoints";
import { observeRequests } from "./requestMetrics";

/** What the public application is made of beside the modules. */
export interface PublicAppOptions {
  readSession: SessionReader;
  readApiKey: ApiKeyReader;
  readiness(): Promise<Readiness>;
  /** See RouterDeps. */
  onUndeclared?: ((what: string) => void) | undefined;
}

/** Serves the endpoints of the modules, their description, and what load balancers ask. */
export function createPublicApp(
  { config, logger, redis, metrics }: Pick<Context, "config" | "logger" | "redis" | "metrics">,
  modules: Module[],
  options: PublicAppOptions,
): { app: Express; endpoints: Endpoint[] } {
  const { publicUrl, bodyLimitBytes, trustProxy, maxPolls, corsOrigins } = config.http;
  const declared = [
    ...modules.flatMap(({ endpoints }) => endpoints),
    ...healthEndpoints({ readiness: options.readiness }),
  ];
  const described = modules.reduce((all, { policy }) => policy?.(all) ?? all, declared);
  const endpoints = [...described, ...documentationEndpoints(described, { version: ownVersion(), publicUrl })];
  const app = createHttpApp(endpoints, {
    readSession: options.readSession,
    readApiKey: options.readApiKey,
    limitWrongKeys: config.sessions.limitLogins,
    createBudget: createBudgets({ redis, prefix: config.redis.prefix }),
    bodyLimitBytes,
    maxPolls,
    corsOrigins,
    publicUrl,
    trustProxy,
    logger,
    onUndeclared: options.onUndeclared,
    onFinished: observeRequests(metrics),
  });
  return { app, endpoints };
}

function ownVersion(): string {
  const manifest = readFileSync(join(__dirname, "..", "..", "package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
