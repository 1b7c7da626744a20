import { sha256Hex } from "../../core/hash";
import { enqueueLater } from "../../core/jobs/enqueueLater";
import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import type { VerificationDeps } from "./actions";
import { createAlertQueue, enqueueAlert, startAlertWorker } from "./alerts/jobs";
import type { FraudAlert } from "./alerts/rules";
import { createAlertStore } from "./alerts/store";
import { alertWording } from "./alerts/wording";
import type { ConfirmDeps } from "./confirmation/actions";
import { createChainFacts } from "./confirmation/chainFacts";
import { createIndexFacts } from "./confirmation/indexFacts";
import { startVerificationSweep } from "./jobs";
import { type HandOverDeps, handOverLater } from "./outcomeWebhook";
import { verificationEndpoints } from "./routes";
import { createVerificationStore, type Decided } from "./store";
import type { RepairDeps } from "./usage/actions";
import { createUsageStore } from "./usage/store";
import { authenticateVerifier, type VerifierDeps } from "./verifiers/actions";
import { createVerifierStore } from "./verifiers/store";

export interface VerificationNeeds
  extends
    Pick<VerificationDeps, "didsOf">,
    Pick<ConfirmDeps, "findCredential" | "takeUse" | "assertionKeys">,
    Pick<RepairDeps, "unrecorded" | "markRecorded">,
    Pick<VerifierDeps, "secretOf">,
    Pick<HandOverDeps, "deliver"> {
  /** Writes to the administrator, where an address and a way to carry mail are configured. */
  mailAdmin(mail: { id: string; wording: ReturnType<typeof alertWording> }): Promise<void>;
}

export interface VerificationPorts {
  /** Whose API key this is. @throws DomainError `api_key.unknown`, `api_key.revoked` */
  authenticate(key: string): Promise<{ accountId: string; keyId: string }>;
}

/** Holder-bound, one-time verification of credentials. */
export function createVerification(context: Context, needs: VerificationNeeds): Module<VerificationPorts> {
  const { config, clock, logger, mongo, chain, timing } = context;
  const jobs = context;
  const queue = createAlertQueue(jobs);
  const { mailAdmin, ...ports } = needs;
  const stores = {
    verifiers: createVerifierStore(mongo),
    verifications: createVerificationStore(mongo),
    usage: createUsageStore(mongo),
    alerts: createAlertStore(mongo),
  };
  const deps = {
    ...ports,
    ...stores,
    clock,
    logger,
    chain,
    facts: createFacts(context),
    publicUrl: config.http.publicUrl,
    challengeSeconds: config.verification.challengeSeconds,
    handOver: (verification: Decided) => handOverLater({ ...stores, deliver: needs.deliver, logger }, verification),
    enqueueAlert: (alertId: string) => enqueueLater(enqueueAlert(queue, alertId), logger),
    onStep: context.onStep,
    limited: config.sessions.limitLogins,
    allowHttpWebhooks: !config.production,
    sweepSeconds: timing.sweepAfterSeconds,
  };

  async function notifyAdmin(alert: FraudAlert, waiting: number): Promise<void> {
    const { alertId, kind, attempts } = alert;
    logger.warn({ alertId, kind, attempts }, "possible credential fraud");
    await mailAdmin({ id: `fraud-${sha256Hex(alertId)}`, wording: alertWording(alert, waiting) });
  }

  return defineModule({
    name: "verification",
    endpoints: verificationEndpoints(deps),
    queues: [queue],
    workers: [
      { name: "verification", start: () => startVerificationSweep(deps) },
      { name: "fraudAlerts", start: () => startAlertWorker({ ...deps, jobs, queue, notifyAdmin }) },
    ],
    ports: { authenticate: (key) => authenticateVerifier(deps, key) },
  });
}

function createFacts({ config, chain, projection, clock }: Context) {
  const { revocationSource, maxStalenessSeconds } = config.verification;
  if (revocationSource === "chain") return createChainFacts(chain);
  return createIndexFacts({ index: projection, maxStalenessSeconds, clock });
}
