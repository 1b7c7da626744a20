import { monotonicMs } from "../../core/clock";
import type { Logger } from "../../core/logger";
import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import { authorizationEndpoints, pushedRequestEndpoint } from "./authorization/routes";
import { createWalletVerifier } from "./authorization/verifier";
import { cacheClients } from "./clients/cache";
import { createCredentialsSealer } from "./clients/sealer";
import { createClientStore } from "./clients/store";
import { createOAuthQueue, startOAuthWorker } from "./jobs";
import { applyNotification, type ReceivedNotification } from "./notifications/actions";
import { notificationEndpoint } from "./notifications/routes";
import type { NotificationFacts } from "./notifications/rules";
import type { HandOverDeps } from "./outcomeWebhook";
import { assetEndpoint, pageEndpoints } from "./page/routes";
import { metadataEndpoint } from "./routes";
import { createOAuthSessionStore } from "./store";
import { tokenEndpoints } from "./tokens/routes";

type OAuthContext = Pick<
  Context,
  "config" | "clock" | "logger" | "mongo" | "redis" | "keys" | "deadLetters" | "timing" | "onStep"
>;

export interface OAuthNeeds extends Pick<HandOverDeps, "deliver"> {
  /** Stores a notification durably; false when it was stored before. */
  receive(notification: ReceivedNotification): Promise<boolean>;
}

export interface OAuthPorts {
  /** Applies what the inbox stored under the source `oauth`; returns the outcome in a word. */
  handler(entry: { facts: unknown }, context: { logger: Logger }): Promise<string>;
}

/** The OAuth code gateway, driven by the verifiers of its clients. */
export function createOAuth(context: OAuthContext, needs: OAuthNeeds): Module<OAuthPorts> {
  const { config, clock, mongo, keys, timing, onStep } = context;
  const { sweepIntervalMs } = timing;
  const { recheckSeconds, verifierTimeoutMs } = config.oauth;
  const { publicUrl } = config.http;
  const jobs = context;
  const queue = createOAuthQueue(jobs);
  const deps = {
    clients: cacheClients(createClientStore(mongo), monotonicMs),
    sessions: createOAuthSessionStore(mongo),
    verifier: createWalletVerifier({ sealer: createCredentialsSealer(keys), timeoutMs: verifierTimeoutMs }),
    receive: needs.receive,
    deliver: needs.deliver,
    clock,
    issuer: publicUrl,
    recheckSeconds,
    limited: config.sessions.limitLogins,
    onStep,
  };

  return defineModule({
    name: "oauth",
    endpoints: [
      ...authorizationEndpoints(deps),
      ...pageEndpoints(deps),
      pushedRequestEndpoint(deps),
      ...tokenEndpoints(deps),
      notificationEndpoint(deps),
      metadataEndpoint(publicUrl),
      assetEndpoint(),
    ],
    queues: [queue],
    workers: [
      { name: "oauth", start: () => startOAuthWorker({ ...deps, jobs, queue, concurrency: 8, sweepIntervalMs }) },
    ],
    ports: {
      handler: (entry, { logger }) =>
        // Only the notification endpoint writes entries of this source.
        applyNotification(deps, { facts: entry.facts as NotificationFacts, logger }),
    },
  });
}
