import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { didsOf, walletsOf } from "./actions";
import type { RequestDeps } from "./anchoring/actions";
import { createAnchoringQueue, enqueueAnchoring, startAnchoringWorker } from "./anchoring/jobs";
import { anchoringGauge } from "./anchoring/metrics";
import { ANCHORING, anchoringHandler } from "./anchoring/outcome";
import { createChallengeStore } from "./challenges/store";
import { type WalletEndpointDeps, walletEndpoints } from "./routes";
import { createWalletStore } from "./store";

export type WalletNeeds = Pick<WalletEndpointDeps, "readSession" | "openSession">;

/** Wallets linked to accounts, and the anchoring of their DIDs. */
export function createWallets(context: Context, needs: WalletNeeds) {
  const { config, mongo } = context;
  const jobs = context;
  const queue = createAnchoringQueue(jobs);
  const enqueue: RequestDeps["enqueueAnchoring"] = (wallet, requestId) => enqueueAnchoring(queue, wallet, requestId);
  const deps = {
    ...context,
    ...needs,
    jobs,
    wallets: createWalletStore(mongo),
    challenges: createChallengeStore(mongo),
    enqueueAnchoring: enqueue,
    publicUrl: config.http.publicUrl,
    challengeSeconds: config.wallets.challengeSeconds,
    limited: config.sessions.limitLogins,
    concurrency: config.anchoring?.concurrency ?? 1,
  };
  return defineModule({
    name: "wallets",
    endpoints: walletEndpoints(deps),
    queues: [queue],
    relayHandlers: { [ANCHORING]: anchoringHandler(deps) },
    workers: [{ name: "anchoring", start: ({ relayer }) => startAnchoringWorker({ ...deps, relayer }) }],
    metrics: [anchoringGauge(deps.wallets)],
    ports: {
      walletsOf: (userId: string) => walletsOf(deps, userId),
      didsOf: (userId: string) => didsOf(deps, userId),
    },
  });
}
