import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, loadConfig } from "../../../core/config/config";
import { createLogger } from "../../../core/logger";
import { connectRedis } from "../../../core/redis";
import { createGatewayContext, type GatewayContext } from "../../../gateway/context";
import { createParts, serveGateway } from "../../../gateway/gateway";
import type { GatewayPart } from "../../../gateway/part";
import type { ConfigPatch } from "../testContext";

/** A gateway in this process. */
export interface TestGateway {
  /** `host:port` of gRPC. */
  grpc: string;
  /** Origin of HTTP. */
  http: string;
  context: GatewayContext;
  parts: GatewayPart[];
  /** Ends it as SIGTERM does. @returns whether no call had to be cut */
  close(deadlineMs?: number): Promise<boolean>;
}

/** What a gateway's process is started with. */
export function gatewayEnvironment(options: {
  apiUrl: string;
  redisUrl: string;
  prefix: string;
  keysDir: string;
}): Record<string, string> {
  return {
    NODE_ENV: "test",
    LOG_LEVEL: "silent",
    REDIS_URL: options.redisUrl,
    REDIS_PREFIX: options.prefix,
    GATEWAY_API_URL: options.apiUrl,
    GATEWAY_KEYS_DIR: options.keysDir,
    GATEWAY_SERVICE_KEY: Buffer.alloc(32, 7).toString("base64url"),
    GATEWAY_HTTP_PORT: "0",
    GATEWAY_GRPC_PORT: "0",
    GATEWAY_METRICS_PORT: "0",
  };
}

/** A folder for the keys of gateways that sign alike. */
export function keysFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "cairn-gateway-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts a gateway; `patch` replaces parts of its configuration. */
export async function startGateway(environment: Record<string, string>, patch: ConfigPatch = {}): Promise<TestGateway> {
  const loaded = loadConfig("gateway", environment);
  const config: Config = {
    ...loaded,
    push: { ...loaded.push, ...patch.push },
    gateway: { ...loaded.gateway, ...patch.gateway },
    sessions: { ...loaded.sessions, ...patch.sessions },
  };
  const logger = createLogger(config);
  const redis = connectRedis({ url: config.redis.url, name: "test-gateway", logger });
  await redis.ping();
  const { context, close } = await createGatewayContext(config, { redis, logger });
  const parts = createParts(context);
  const gateway = await serveGateway(context, parts);
  return {
    grpc: `127.0.0.1:${gateway.grpcPort}`,
    http: `http://127.0.0.1:${gateway.httpPort}`,
    context,
    parts,
    async close(deadlineMs = 20_000) {
      const clean = await gateway.close(deadlineMs);
      await close();
      redis.disconnect();
      return clean;
    },
  };
}
