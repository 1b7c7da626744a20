import type { Express } from "express";
import { createBudgets } from "../../core/budgets";
import { importServiceKeys } from "../../core/keys/serviceToken";
import type { Context } from "../../process/context";
import { internalDocumentationEndpoint } from "./docs";
import type { Endpoint } from "./endpoint";
import { createHttpApp } from "./httpApp";
import { endpointsOf, type Module } from "./module";
import { observeRequests } from "./requestMetrics";
import { authenticateService, type DeviceAuthenticator } from "./serviceAuthentication";
import { ownVersion } from "./version";

/** What the internal application is made of beside the modules. */
export interface InternalAppOptions {
  /** Raw Ed25519 public keys of gateways, base64url of 32 bytes. */
  publicKeys: readonly string[];
  authenticateDevice: DeviceAuthenticator;
  /** See RouterDeps. */
  onUndeclared?: ((what: string) => void) | undefined;
}

/** Serves gateways: the modules' endpoints of the internal port, and their description. */
export function createInternalApp(
  { config, clock, logger, redis, metrics }: Pick<Context, "config" | "clock" | "logger" | "redis" | "metrics">,
  modules: Module[],
  options: InternalAppOptions,
): { app: Express; endpoints: Endpoint[] } {
  const { publicUrl, bodyLimitBytes, maxPolls } = config.http;
  const { internal } = endpointsOf(modules);
  const endpoints = [...internal, internalDocumentationEndpoint(internal, { version: ownVersion(), publicUrl })];
  const app = createHttpApp(endpoints, {
    // No operation here asks for a browser's session by itself.
    readSession: () => Promise.reject(new Error("the internal port reads no sessions of browsers")),
    authenticate: authenticateService({ keys: importServiceKeys(options.publicKeys), clock }),
    authenticateDevice: options.authenticateDevice,
    createBudget: createBudgets({ redis, prefix: config.redis.prefix }),
    bodyLimitBytes,
    maxPolls,
    corsOrigins: [],
    publicUrl,
    // Who asks for whom is said by a header of its own.
    trustProxy: 0,
    logger,
    onUndeclared: options.onUndeclared,
    onFinished: observeRequests(metrics),
  });
  return { app, endpoints };
}
