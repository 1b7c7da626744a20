import { monotonicMs } from "../../core/clock";
import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import { createWebhookSender } from "../webhooks/delivery/sender";
import { signWebhook, webhookSecretOf } from "../webhooks/delivery/signing";
import { openWalletVerifier } from "./authorization/verifier";
import { type ClientRegistration, registerClient } from "./clients/actions";
import { openClientStore, rememberClients } from "./clients/store";
import { oauthDeliveryHandler, openOAuthQueue, startOAuthWorker } from "./jobs";
import { oauthAssetEndpoint } from "./page/routes";
import { oauthFrontEndpoints } from "./authorization/routes";
import { openSealer, type Sealer } from "./secrets";
import { openOAuthSessionStore, type OAuthSessionStore } from "./store";
import { type KeptNotification, oauthBackEndpoints } from "./tokens/routes";

/** The key store's name of the key that verifiers' credentials are sealed with. */
const SEALING_KEY = "oauth-verifier-credentials";

type OAuthContext = Pick<
  Context,
  "config" | "clock" | "logger" | "mongo" | "redis" | "keys" | "deadLetters" | "timing" | "onStep"
>;

export interface OAuthNeeds {
  /** Stores a notification durably; false when it was stored before. */
  receive(notification: KeptNotification): Promise<boolean>;
}

export interface OAuthPorts {
  /** Works on notifications that the inbox stored, under the source `oauth`. */
  handler: ReturnType<typeof oauthDeliveryHandler>;
  /** Registers a relying party. */
  registerClient(registration: ClientRegistration): ReturnType<typeof registerClient>;
  /** The secret that signs a client's webhooks (Standard Webhooks, `whsec_`). */
  webhookSecretOf(clientId: string): Promise<string>;
  sessions: OAuthSessionStore;
}

/** Seals verifiers' credentials with a key derived from the key store's. */
export function oauthSealer(keys: Context["keys"]): Sealer {
  return openSealer(async () => {
    const { keyId } = await keys.create("HS256", SEALING_KEY);
    return keys.sign(keyId, Buffer.from("sealing key"));
  });
}

/** The secret that signs the webhooks of a client (Standard Webhooks, `whsec_`). */
export function oauthWebhookSecret(keys: Context["keys"], clientId: string): Promise<string> {
  return webhookSecretOf(keys, `oauth client ${clientId}`);
}

/** The OAuth code gateway, driven by the verifiers of its clients. */
export function createOAuth(context: OAuthContext, needs: OAuthNeeds): Module<OAuthPorts> {
  const { config, clock, logger, mongo, redis, keys, timing } = context;
  const { prefix } = config.redis;
  const { recheckSeconds, verifierTimeoutMs } = config.oauth;
  const sealer = oauthSealer(keys);
  const clientStore = openClientStore(mongo);
  const shared = {
    clients: rememberClients(clientStore, monotonicMs),
    sessions: openOAuthSessionStore(mongo),
    verifier: openWalletVerifier({ sealer, timeoutMs: verifierTimeoutMs }),
    clock,
    recheckSeconds,
  };
  const front = { ...shared, issuer: config.http.publicUrl, limited: config.sessions.limitLogins };
  const closing = { ...shared, onStep: context.onStep };
  const queue = openOAuthQueue({ redis, prefix });
  const secretOf = (clientId: string) => oauthWebhookSecret(keys, clientId);

  return defineModule({
    name: "oauth",
    endpoints: [
      ...oauthFrontEndpoints(front),
      ...oauthBackEndpoints({ ...front, keep: needs.receive }),
      oauthAssetEndpoint(),
    ],
    queues: [queue],
    workers: [
      {
        name: "oauth",
        start() {
          const send = createWebhookSender({ allowPrivate: !config.production });
          return startOAuthWorker({
            ...closing,
            queue,
            redis,
            prefix,
            logger,
            deadLetters: context.deadLetters,
            concurrency: 8,
            sweepEveryMs: timing.sweepIntervalMs,
            sendWebhook: async ({ clientId, url, id, at, body }) =>
              send(url, signWebhook(await secretOf(clientId), { id, sentAt: at, body })),
          });
        },
      },
    ],
    ports: {
      handler: oauthDeliveryHandler(closing),
      registerClient: (registration) => registerClient({ clients: clientStore, sealer, clock }, registration),
      webhookSecretOf: secretOf,
      sessions: shared.sessions,
    },
  });
}
