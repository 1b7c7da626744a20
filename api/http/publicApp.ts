import type { Express } from "express";
import { createBudgets } from "../../core/budgets";
import type { Context } from "../../process/context";
import type { Readiness } from "../../process/health";
import type { ApiKeyReader } from "./apiKeys";
import type { SessionReader } from "./authenticate";
import { documentationEndpoints } from "./docs";
import type { Endpoint } from "./endpoint";
import { createHttpApp } from "./httpApp";
import { endpointsOf, type Module } from "./module";
import { healthEndpoints } from "./healthEndpoints";
import { observeRequests } from "./requestMetrics";
import { ownVersion } from "./version";

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
  const declared = endpointsOf(modules, healthEndpoints({ readiness: options.readiness }));
  const about = { version: ownVersion(), publicUrl };
  const endpoints = [...declared.public, ...documentationEndpoints(declared.public, declared.internal, about)];
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
