import type { Redis } from "ioredis";
import type { Chain } from "../chain/client";
import type { Clock } from "../core/clock";
import type { Config } from "../core/config/config";
import { equalsInConstantTime } from "../core/hash";
import { DomainError } from "../core/errors";
import type { KeyStore } from "../core/keys/keyStore";
import type { Logger } from "../core/logger";
import type { Mongo } from "../core/mongo";
import type { Projection } from "../projection/queries";
import { auditEndpoints } from "./audit/routes";
import { credentialActions } from "./credentials/actions";
import { isAccredited } from "../chain/registry/accreditation";
import { openChangeStore } from "./credentials/statusChanges/store";
import { enqueueChange, openStatusQueue } from "./credentials/statusChanges/jobs";
import { credentialEndpoints } from "./credentials/routes";
import { openCredentialStore } from "./credentials/store";
import { openTypeStore } from "./credentials/types/store";
import type { ApiKeyReader } from "./http/apiKeys";
import type { Endpoint } from "./http/endpoint";
import { issuerActions } from "./issuers/actions";
import { enqueueIssuer, openIssuerQueue } from "./issuers/anchoring/jobs";
import { issuerEndpoints } from "./issuers/routes";
import { openIssuerStore } from "./issuers/store";
import { statusListEndpoints } from "./statusLists/routes";
import { verificationActions } from "./verification/actions";
import { openAlertStore } from "./verification/alerts/store";
import { createChainFacts } from "./verification/confirmation/chainFacts";
import type { ConfirmStep } from "./verification/confirmation/actions";
import { createIndexFacts } from "./verification/confirmation/indexFacts";
import { openDispatch, openVerificationQueues } from "./verification/alerts/jobs";
import { verificationEndpoints } from "./verification/routes";
import { openVerificationStore } from "./verification/store";
import { openUsageLog } from "./verification/usage/store";
import { openVerifierStore } from "./verification/verifiers/store";
import { webhookSecretOf } from "./webhooks/delivery/actions";

/** How long a credential is valid when its issuer does not say: a year. */
const DEFAULT_VALIDITY_SECONDS = 365 * 24 * 60 * 60;

/** What issuers, credentials and their verification are made of; whoever opens these closes them. */
export interface CredentialDependencies {
  config: { publicUrl: string; prefix: string; verification: Config["verification"]; adminApiKey?: string | undefined };
  /** False lifts the limit on confirmations, for tests and measurements. */
  limited: boolean;
  /** Whether webhooks may go to `http:` URLs: in development. */
  allowHttpWebhooks: boolean;
  clock: Clock;
  logger: Logger;
  mongo: Mongo;
  redis: Redis;
  chain: Chain;
  index: Projection;
  keys: KeyStore;
  /** The DIDs a user has proved control of. */
  didsOf(userId: string): Promise<string[]>;
  /** See ConfirmParts. */
  onStep?: (step: ConfirmStep) => void | Promise<void>;
}

/** The part of the API that issues and verifies. */
export interface CredentialApp {
  endpoints: Endpoint[];
  readApiKey: ApiKeyReader;
  /** The issuers' use cases, for whoever onboards them from a terminal. */
  issuers: ReturnType<typeof issuerActions>;
  /** Depths of the queues, for the metrics. */
  queues: Record<string, () => Promise<number>>;
  close(): Promise<void>;
}

/** Puts the slices together that issue, verify and audit credentials. */
export function openCredentialApp(deps: CredentialDependencies): CredentialApp {
  const { config, clock, logger, mongo, redis, chain, index, keys, didsOf } = deps;
  const { publicUrl, prefix } = config;
  const { didMethod, contracts } = chain.deployment;
  const issuerQueue = openIssuerQueue({ redis, prefix });
  const statusQueue = openStatusQueue({ redis, prefix });
  const verificationQueues = openVerificationQueues({ redis, prefix });
  const credentials = openCredentialStore(mongo);

  /** What was asked for is kept in the database by now: the worker's sweep finds it if Redis does not hear of it. */
  const withoutWaiting = (adding: Promise<void>) => {
    adding.catch((error: unknown) => logger.debug({ err: error }, "a job was not queued; the sweep finds its work"));
    return Promise.resolve();
  };

  const issuers = issuerActions({
    ...{ store: openIssuerStore(mongo), keys, clock, chainId: chain.chainId, didMethod },
    requestAnchoring: (address, requestId) => withoutWaiting(enqueueIssuer(issuerQueue, address, requestId)),
  });

  const issuing = credentialActions({
    ...{ credentials, types: openTypeStore(mongo), changes: openChangeStore(mongo), clock, didMethod, didsOf },
    places: { publicUrl, chainId: chain.chainId, registry: contracts.DIDRegistry.address },
    defaultValiditySeconds: DEFAULT_VALIDITY_SECONDS,
    signerOf: issuers.signerOf,
    takeIndex: issuers.takeIndex,
    isAccredited: (issuer) => isAccredited(chain, issuer),
    indexedStatus: statusFrom(index),
    enqueueChange: (changeId, requestId) => withoutWaiting(enqueueChange(statusQueue, changeId, requestId)),
  });

  const { revocationSource, maxStalenessSeconds, challengeSeconds } = config.verification;
  const verification = verificationActions({
    ...{ verifiers: openVerifierStore(mongo), verifications: openVerificationStore(mongo), log: openUsageLog(mongo) },
    ...{ alerts: openAlertStore(mongo), ...openDispatch(verificationQueues, logger) },
    ...{ clock, publicUrl, challengeSeconds, didsOf, chain, onStep: deps.onStep },
    facts:
      revocationSource === "chain" ? createChainFacts(chain) : createIndexFacts({ index, maxStalenessSeconds, clock }),
    findCredential: credentials.find,
    takeUse: credentials.takeUse,
    assertionKeys: issuers.assertionKeys,
    webhookSecretOf: (verifierId) => webhookSecretOf(keys, verifierId),
  });

  const endpoints = [
    ...issuerEndpoints({ actions: issuers }),
    ...credentialEndpoints({ actions: issuing, publicUrl }),
    ...verificationEndpoints({
      actions: verification,
      limited: deps.limited,
      allowHttpWebhooks: deps.allowHttpWebhooks,
    }),
    ...statusListEndpoints({ index, publicUrl, signerOf: issuers.signerOf }),
    ...auditEndpoints({
      index,
      chain,
      credIdOf: async (credentialId) => (await credentials.find(credentialId))?.credId ?? null,
    }),
  ];

  return {
    endpoints,
    issuers,
    readApiKey(kind, key) {
      switch (kind) {
        case "issuer":
          return issuers.authenticate(key);
        case "verifier":
          return verification.authenticate(key);
        case "admin":
          return authenticateAdmin(config.adminApiKey, key);
      }
    },
    queues: {
      [issuerQueue.name]: () => issuerQueue.depth(),
      [statusQueue.name]: () => statusQueue.depth(),
      [verificationQueues.deliveries.name]: () => verificationQueues.deliveries.depth(),
      [verificationQueues.alarms.name]: () => verificationQueues.alarms.depth(),
    },
    async close() {
      await Promise.all([issuerQueue.close(), statusQueue.close(), verificationQueues.close()]);
    },
  };
}

/** Both bits of credentials as the index has them. */
export function statusFrom(index: Pick<Projection, "credentialStatus">) {
  return async (credIds: string[]): Promise<Map<string, { revoked: boolean; suspended: boolean }>> => {
    const read = async (credId: string) => [credId, await index.credentialStatus(credId)] as const;
    return new Map(await Promise.all(credIds.map(read)));
  };
}

/** Async, so that a wrong key is a rejected promise as it is for the other kinds. */
async function authenticateAdmin(
  adminApiKey: string | undefined,
  key: string,
): Promise<{ accountId: string; keyId: string }> {
  if (adminApiKey !== undefined && equalsInConstantTime(adminApiKey, key)) {
    return Promise.resolve({ accountId: "admin", keyId: "admin" });
  }
  throw new DomainError("api_key.unknown", "unauthenticated", "This is not the administrator's API key.");
}
