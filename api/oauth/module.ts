import { monotonicMs } from "../../core/clock";
import type { Context } from "../../process/context";
import { createGuessLimit, unlimitedGuesses } from "../http/guessLimit";
import { defineModule } from "../http/module";
import { createBudgets } from "../../core/budgets";
import { authorizationEndpoints, pushedRequestEndpoint } from "./authorization/routes";
import { chooseVerifier, type OwnVerifications } from "./authorization/ownVerifier";
import { createWalletVerifier } from "./authorization/verifier";
import { createAssertionStore } from "./assertions/store";
import { cacheClients } from "./clients/cache";
import { createCredentialsSealer } from "./clients/sealer";
import { createClientStore } from "./clients/store";
import { createOAuthJobs, notificationHandler } from "./jobs";
import { receiveAnswer, type ReceiveNotificationDeps } from "./notifications/actions";
import { notificationEndpoint } from "./notifications/routes";
import type { HandOverDeps } from "./outcomeWebhook";
import { assetEndpoint, pageEndpoints } from "./page/routes";
import { metadataEndpoint } from "./routes";
import { createOAuthSessionStore } from "./store";
import { tokenEndpoints } from "./tokens/routes";

type OAuthContext = Omit<Context, "chain" | "projection" | "transactions" | "budgets" | "metrics" | "blindIndex">;

/** The OAuth code gateway, driven by the verifiers of its clients, and by this process's own for those without one. */
export function createOAuth(
  context: OAuthContext,
  needs: Pick<HandOverDeps & ReceiveNotificationDeps, "deliver" | "receive" | "count"> & {
    verifications: OwnVerifications;
  },
) {
  const { config, mongo, keys, redis } = context;
  const { queue, worker } = createOAuthJobs(context);
  const { verifierTimeoutMs: timeoutMs } = config.oauth;
  const deps = {
    ...context,
    ...needs,
    clients: cacheClients(createClientStore(mongo), monotonicMs),
    sessions: createOAuthSessionStore(context),
    verifier: chooseVerifier({
      own: needs.verifications,
      elsewhere: createWalletVerifier({ sealer: createCredentialsSealer(keys), timeoutMs }),
    }),
    limitGuesses: config.sessions.limitLogins
      ? createGuessLimit(createBudgets({ redis, prefix: config.redis.prefix }))
      : unlimitedGuesses,
    assertions: createAssertionStore(mongo),
    issuer: config.http.publicUrl,
  };
  return defineModule({
    name: "oauth",
    endpoints: [
      ...authorizationEndpoints(deps),
      ...pageEndpoints(deps),
      pushedRequestEndpoint(deps),
      ...tokenEndpoints(deps),
      notificationEndpoint(deps),
      metadataEndpoint(deps),
      assetEndpoint(),
    ],
    queues: [queue],
    workers: [worker(deps)],
    ports: {
      handlers: { oauth: notificationHandler(deps) },
      verificationAnswered: (verificationId: string) => receiveAnswer(deps, verificationId),
    },
  });
}
