import type { Redis } from "ioredis";
import { type Clock, monotonicMs } from "../core/clock";
import type { Config } from "../core/config/config";
import { createDeadLetterStore } from "../core/jobs/deadLetters";
import type { KeyStore } from "../core/keys/keyStore";
import type { Logger } from "../core/logger";
import type { Mongo } from "../core/mongo";
import type { Endpoint } from "./http/endpoint";
import { oauthAssetEndpoint } from "./oauth/page/routes";
import { openClientStore, rememberClients } from "./oauth/clients/store";
import { oauthDeliveryHandler, openOAuthQueue, startOAuthWorker } from "./oauth/jobs";
import { oauthFrontEndpoints } from "./oauth/routes";
import { createSealer, type Sealer } from "./oauth/secrets";
import type { SettlingParts } from "./oauth/authorization/closeSession";
import { openOAuthSessionStore } from "./oauth/store";
import { type KeptNotification, oauthBackEndpoints } from "./oauth/tokens/routes";
import { openWalletVerifier } from "./oauth/authorization/verifier";
import { openWebhookSender, signWebhook, webhookSecretOf } from "./webhooks/delivery/actions";
import { receiveDelivery } from "./webhooks/inbox/actions";
import { type DeliveryHandler, enqueueEntry, openInboxQueue } from "./webhooks/inbox/jobs";
import { openInbox } from "./webhooks/inbox/store";

/** What the gateway is put together from, in the API and in the worker. */
export interface OAuthWiring {
  config: Pick<Config, "redis" | "oauth" | "production">;
  clock: Clock;
  logger: Logger;
  mongo: Mongo;
  /** Protects what must be read again: verifiers' credentials, webhook secrets. */
  keys: KeyStore;
}

/** The key store's name of the key that verifiers' credentials are sealed with. */
const SEALING_KEY = "oauth-verifier-credentials";

/** A kept notification without an outcome after this long is queued again. */
const SWEEP_SECONDS = 30;

/** Seals verifiers' credentials with a key derived from the key store's. */
export function oauthSealer(keys: KeyStore): Sealer {
  return createSealer(async () => {
    const { keyId } = await keys.create("HS256", SEALING_KEY);
    return keys.sign(keyId, Buffer.from("sealing key"));
  });
}

/** The secret that signs the webhooks of a client (Standard Webhooks, `whsec_`). */
export function oauthWebhookSecret(keys: KeyStore, clientId: string): Promise<string> {
  return webhookSecretOf(keys, `oauth client ${clientId}`);
}

/** The API's side of the gateway. */
export interface OAuthApi {
  endpoints: Endpoint[];
  queues: Record<string, () => Promise<number>>;
  close(): Promise<void>;
}

/** Puts the API's side of the gateway together. */
export function wireOAuthApi(
  wiring: OAuthWiring & { redis: Redis; publicUrl: string; limited: boolean; sweepSeconds?: number },
): OAuthApi {
  const { config, clock, logger, mongo, redis, publicUrl, limited, sweepSeconds = SWEEP_SECONDS } = wiring;
  const inboxQueue = openInboxQueue({ redis, prefix: config.redis.prefix });
  const receiving = {
    ...{ inbox: openInbox(mongo), clock, logger, sweepSeconds },
    enqueue: (entryId: string, requestId: string | undefined) => enqueueEntry(inboxQueue, entryId, requestId),
  };
  const parts = {
    ...openStores(wiring),
    ...{ clock, issuer: publicUrl, recheckSeconds: config.oauth.recheckSeconds, limited },
    keep: (notification: KeptNotification) => receiveDelivery(receiving, notification),
  };
  return {
    endpoints: [...oauthFrontEndpoints(parts), ...oauthBackEndpoints(parts), oauthAssetEndpoint()],
    queues: { [inboxQueue.name]: () => inboxQueue.depth() },
    close: () => inboxQueue.close(),
  };
}

/** The worker's side of the gateway. */
export interface OAuthWorkerSide {
  /** For the inbox, under the source `oauth`. */
  handler: DeliveryHandler;
  queues: Record<string, () => Promise<number>>;
  close(deadlineMs: number): Promise<void>;
}

/** Puts the worker's side together and starts it. */
export function startOAuth(
  wiring: OAuthWiring & { redis: Redis; sweepEveryMs?: number; onStep?: SettlingParts["onStep"] },
): OAuthWorkerSide {
  const { config, clock, logger, mongo, keys, redis, sweepEveryMs = 5_000, onStep } = wiring;
  const { prefix } = config.redis;
  const settling = { ...openStores(wiring), clock, recheckSeconds: config.oauth.recheckSeconds, onStep };
  const send = openWebhookSender({ allowPrivate: !config.production });
  const queue = openOAuthQueue({ redis, prefix });
  const worker = startOAuthWorker({
    ...settling,
    ...{ queue, redis, prefix, deadLetters: createDeadLetterStore(mongo), logger, concurrency: 8, sweepEveryMs },
    sendWebhook: async ({ clientId, url, ...message }) =>
      send(url, signWebhook(await oauthWebhookSecret(keys, clientId), message)),
  });
  return {
    handler: oauthDeliveryHandler(settling),
    queues: { [queue.name]: () => queue.depth() },
    async close(deadlineMs) {
      await worker.close(deadlineMs);
      await queue.close();
    },
  };
}

function openStores({ config, mongo, keys }: OAuthWiring) {
  return {
    clients: rememberClients(openClientStore(mongo), monotonicMs),
    sessions: openOAuthSessionStore(mongo),
    verifier: openWalletVerifier({ sealer: oauthSealer(keys), timeoutMs: config.oauth.verifierTimeoutMs }),
  };
}
