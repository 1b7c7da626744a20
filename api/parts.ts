import type { Redis } from "ioredis";
import type { Registry } from "prom-client";
import type { Chain } from "../chain/client";
import type { Clock } from "../core/clock";
import type { Config } from "../core/config/config";
import type { KeyStore } from "../core/keys/keyStore";
import type { Logger } from "../core/logger";
import type { Mongo } from "../core/mongo";
import type { Projection } from "../projection/queries";
import type { ApiPart } from "./app";
import { openCredentialApp } from "./credentialApp";
import { applyKycPolicy } from "./kyc/policy";
import { wireKycApi } from "./kycWiring";
import { wireOAuthApi } from "./oauthWiring";
import { openWalletStore } from "./wallets/store";
import { countDeliveries } from "./webhooks/inbox/metrics";

/** What the parts are made of. */
export interface PartDependencies {
  config: Config;
  clock: Clock;
  logger: Logger;
  mongo: Mongo;
  redis: Redis;
  chain: Chain;
  index: Projection;
  keys: KeyStore;
  metricsRegistry: Registry;
}

/** The parts of the API beyond accounts, wallets and DIDs, as the configuration asks for them. */
export function openApiParts(deps: PartDependencies): ApiPart[] {
  return [credentialPart(deps), gatewayPart(deps), ...kycParts(deps)];
}

function credentialPart(deps: PartDependencies): ApiPart {
  const { config, clock, logger, mongo, redis, chain, index, keys } = deps;
  const wallets = openWalletStore(mongo);
  return openCredentialApp({
    config: {
      publicUrl: config.http.publicUrl,
      prefix: config.redis.prefix,
      verification: config.verification,
      adminApiKey: config.adminApiKey,
    },
    limited: config.sessions.limitLogins,
    allowHttpWebhooks: !config.production,
    ...{ clock, logger, mongo, redis, chain, index, keys },
    didsOf: async (userId) => (await wallets.ofUser(userId)).map(({ did }) => did),
  });
}

function gatewayPart({ config, clock, logger, mongo, redis, keys }: PartDependencies): ApiPart {
  const { publicUrl } = config.http;
  return wireOAuthApi({ config, clock, logger, mongo, redis, keys, publicUrl, limited: config.sessions.limitLogins });
}

/** None where production chose no provider. */
function kycParts({ config, clock, logger, mongo, redis, metricsRegistry }: PartDependencies): ApiPart[] {
  const { kyc: kycConfig, mail } = config;
  if (kycConfig === undefined) return [];
  const kyc = wireKycApi({
    config: { redis: config.redis, http: config.http, kyc: kycConfig, ...(mail && { mail }) },
    ...{ clock, logger, mongo, redis },
    countDelivery: countDeliveries(metricsRegistry),
  });
  return [{ ...kyc, policy: (endpoints) => applyKycPolicy(endpoints, kycConfig.requiredFor, kyc.requireKyc) }];
}
