import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import type { MailAlertDeps } from "./alerts/actions";
import { createAlertJobs } from "./alerts/jobs";
import { createAlertStore } from "./alerts/store";
import { createChainFacts } from "./confirmation/chainFacts";
import { createIndexFacts } from "./confirmation/indexFacts";
import { verificationSweep } from "./jobs";
import { type HandOverDeps, handOverLater } from "./outcomeWebhook";
import { holderData, type HolderDataDeps } from "./personalData";
import { retentionSweep } from "./retention/jobs";
import { verificationEndpoints, type VerificationRouteDeps } from "./routes";
import { createVerificationStore, type Decided } from "./store";
import { findUse, listUnbatchedUses, markUsesBatched, type RepairDeps } from "./usage/actions";
import { createUsageStore } from "./usage/store";
import { authenticateVerifier } from "./verifiers/actions";
import { createVerifierStore } from "./verifiers/store";

type VerificationNeeds = Pick<
  VerificationRouteDeps,
  "appendHolderEvent" | "holdingOf" | "didsOf" | "findCredential" | "takeUse" | "assertionKeys" | "secretOf"
> &
  Pick<HolderDataDeps, "credentialIdsOf"> &
  Pick<RepairDeps & HandOverDeps & MailAlertDeps, "unrecorded" | "markRecorded" | "deliver" | "mailAdmin">;

/** Holder-bound, one-time verification of credentials. */
export function createVerification(context: Context, needs: VerificationNeeds) {
  const { chain, projection, clock, mongo } = context;
  const { revocationSource, maxStalenessSeconds } = context.config.verification;
  const { queue, enqueueAlert, worker } = createAlertJobs(context);
  const deps = {
    ...context,
    ...needs,
    verifiers: createVerifierStore(mongo),
    verifications: createVerificationStore(context),
    usage: createUsageStore(mongo),
    alerts: createAlertStore(mongo),
    facts:
      revocationSource === "chain"
        ? createChainFacts(chain)
        : createIndexFacts({ index: projection, maxStalenessSeconds, clock }),
    handOver: (verification: Decided): void => handOverLater(deps, verification),
    enqueueAlert,
  };
  return defineModule({
    name: "verification",
    endpoints: verificationEndpoints(deps),
    queues: [queue],
    workers: [verificationSweep(deps), retentionSweep(deps), worker(deps)],
    ports: {
      personalData: holderData(deps),
      authenticateVerifier: (key: string) => authenticateVerifier(deps, key),
      findVerifier: (verifierId: string) => deps.verifiers.find(verifierId),
      facts: deps.facts,
      listUnbatchedUses: (limit: number) => listUnbatchedUses(deps, limit),
      countUnbatchedUses: () => deps.usage.countAwaitingAnchor(),
      markUsesBatched: (verificationIds: string[]) => markUsesBatched(deps, verificationIds),
      findUse: (verificationId: string) => findUse(deps, verificationId),
    },
  });
}
