import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { didsOf, isBeingAnchored, walletsOf } from "./actions";
import { controlLossOf, holderOf, holdingOf } from "./control/actions";
import type { SessionWallet } from "./control/rules";
import type { SweepDeps } from "./anchoring/actions";
import { createAnchoringJobs } from "./anchoring/jobs";
import { anchoringGauge } from "./anchoring/metrics";
import { ANCHORING, anchoringHandler, BULK_ANCHORING } from "./anchoring/outcome";
import { createChallengeStore } from "./challenges/store";
import { walletData } from "./personalData";
import { type WalletEndpointDeps, walletEndpoints } from "./routes";
import { createWalletStore } from "./store";

/** Wallets linked to accounts, and the anchoring of their DIDs. */
export function createWallets(
  context: Context,
  needs: Pick<
    WalletEndpointDeps,
    | "readSession"
    | "openSession"
    | "endWalletSessions"
    | "requireVerified"
    | "requireConfirmedEmail"
    | "requireStanding"
  > &
    Pick<SweepDeps, "appendUserEvent">,
) {
  const { queue, enqueueAnchoring, worker } = createAnchoringJobs(context);
  const deps = {
    ...context,
    ...needs,
    wallets: createWalletStore(context.mongo),
    challenges: createChallengeStore(context.mongo),
    enqueueAnchoring,
  };
  return defineModule({
    name: "wallets",
    endpoints: walletEndpoints(deps),
    queues: [queue],
    relayHandlers: { [ANCHORING]: anchoringHandler(deps), [BULK_ANCHORING]: anchoringHandler(deps) },
    workers: [worker(deps)],
    metrics: [anchoringGauge(deps.wallets)],
    ports: {
      personalData: walletData(deps),
      unlinkWallets: (userId: string) => deps.wallets.removeAll(userId),
      walletsOf: (userId: string) => walletsOf(deps, userId),
      didsOf: (userId: string) => didsOf(deps, userId),
      holderOf: (did: string) => holderOf(deps, did),
      holdingOf: (asked: { userId: string; did: string }) => holdingOf(deps, asked),
      controlLossOf: (session: SessionWallet & { userId: string }) => controlLossOf(deps, session),
      isBeingAnchored: (walletAddress: string) => isBeingAnchored(deps, walletAddress),
    },
  });
}
