import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { createBudgets, type CreateBudget } from "../core/budgets";
import { type Clock, systemClock } from "../core/clock";
import type { Config } from "../core/config/config";
import { parseServiceKey } from "../core/keys/serviceKey";
import type { Logger } from "../core/logger";
import { createBackendConnection } from "./backend/http";
import { createInternalApi, type InternalApi } from "./backend/internalApi";
import { createTokenMinter } from "./backend/serviceToken";
import { createSessionDirectory, type SessionDirectory } from "./backend/sessions";
import { createRequestBudgets } from "./budgets/requestBudgets";
import { createUnsignedRequests } from "./budgets/unsignedRequests";
import type { ReceiveDeps } from "./envelope/receive";
import { openResponseKeys, type ResponseKeys } from "./keys/responseKeys";
import { createReplayStore } from "./replay/replayStore";

/** What the parts of the gateway are made of. A function takes the parts of it that it uses. */
export interface GatewayContext {
  config: Config;
  clock: Clock;
  logger: Logger;
  redis: Redis;
  /** The API, by its internal port. */
  api: InternalApi;
  sessions: SessionDirectory;
  /** Sign answers and events. */
  keys: ResponseKeys;
  createBudget: CreateBudget;
  /** What receiving a signed request takes, of either method. */
  receiving: ReceiveDeps;
  /** Where counters of the process are registered. */
  metrics: Registry;
}

/**
 * Makes the context of a gateway from its connection to Redis.
 *
 * @throws BootError when its signing keys cannot be opened
 */
export async function createGatewayContext(
  config: Config,
  { redis, logger, clock = systemClock }: { redis: Redis; logger: Logger; clock?: Clock },
): Promise<{ context: GatewayContext; close(): Promise<void> }> {
  const { apiUrl, apiTimeoutMs, serviceKey } = config.gateway;
  const key = parseServiceKey(serviceKey);
  if (key === undefined) throw new RangeError("the configuration was accepted without a service key");
  const keys = await openResponseKeys(config, { clock, logger });
  const connection = createBackendConnection({ url: apiUrl, timeoutMs: apiTimeoutMs });
  const api = createInternalApi({ connection, mintToken: createTokenMinter({ clock, key }) });
  const createBudget = createBudgets({ redis, prefix: config.redis.prefix });
  const context: GatewayContext = {
    config,
    clock,
    logger,
    redis,
    api,
    sessions: createSessionDirectory({ api, clock, logger }),
    keys,
    createBudget,
    receiving: {
      clock,
      replay: createReplayStore({ redis, logger, prefix: `${config.redis.prefix}:gateway` }),
      budgets: createRequestBudgets(createBudget),
      unsigned: createUnsignedRequests({ createBudget, clock }),
    },
    metrics: new Registry(),
  };
  return {
    context,
    close() {
      keys.close();
      connection.close();
      return Promise.resolve();
    },
  };
}
