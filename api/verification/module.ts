import { sha256Hex } from "../../core/hash";
import { enqueueLater } from "../../core/jobs/enqueueLater";
import { type Context, jobRuntimeOf } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import { type VerificationActions, verificationActions, type VerificationDeps } from "./actions";
import { createAlertQueue, enqueueAlert, startAlertWorker } from "./alerts/jobs";
import { createAlertStore } from "./alerts/store";
import { alertWording } from "./alerts/wording";
import { createChainFacts } from "./confirmation/chainFacts";
import { createIndexFacts } from "./confirmation/indexFacts";
import { startVerificationSweep } from "./jobs";
import { type HandOverDeps, handOverLater } from "./outcomeWebhook";
import { verificationEndpoints } from "./routes";
import { createVerificationStore } from "./store";
import { createUsageStore } from "./usage/store";
import type { RepairDeps } from "./usage/sweep";
import { createVerifierStore } from "./verifiers/store";

export interface VerificationNeeds
  extends
    Pick<VerificationDeps, "didsOf" | "findCredential" | "takeUse" | "assertionKeys" | "secretOf">,
    Pick<RepairDeps, "unrecorded" | "markRecorded">,
    Pick<HandOverDeps, "deliver"> {
  /** Writes to the administrator, where an address and a way to carry mail are configured. */
  mailAdmin(mail: { id: string; wording: ReturnType<typeof alertWording> }): Promise<void>;
}

export type VerificationPorts = Pick<VerificationActions, "authenticate">;

/** Holder-bound, one-time verification of credentials. */
export function createVerification(context: Context, needs: VerificationNeeds): Module<VerificationPorts> {
  const { config, clock, logger, mongo, chain, projection } = context;
  const jobs = jobRuntimeOf(context);
  const { revocationSource, maxStalenessSeconds, challengeSeconds } = config.verification;
  const { sweepAfterSeconds: sweepSeconds } = context.timing;
  const verifiers = createVerifierStore(mongo);
  const verifications = createVerificationStore(mongo);
  const log = createUsageStore(mongo);
  const alerts = createAlertStore(mongo);
  const queue = createAlertQueue(jobs);
  const handingOver = { verifications, verifiers, deliver: needs.deliver, logger };
  const recording: Pick<VerificationDeps, "handOver" | "enqueueAlert"> = {
    handOver: (verification) => handOverLater(handingOver, verification),
    enqueueAlert: (alertId) => enqueueLater(enqueueAlert(queue, alertId), logger),
  };
  const actions = verificationActions({
    ...recording,
    verifiers,
    verifications,
    log,
    alerts,
    clock,
    challengeSeconds,
    publicUrl: config.http.publicUrl,
    didsOf: needs.didsOf,
    chain,
    findCredential: needs.findCredential,
    takeUse: needs.takeUse,
    assertionKeys: needs.assertionKeys,
    secretOf: needs.secretOf,
    facts:
      revocationSource === "chain"
        ? createChainFacts(chain)
        : createIndexFacts({ index: projection, maxStalenessSeconds, clock }),
    onStep: context.onStep,
  });

  return defineModule({
    name: "verification",
    endpoints: verificationEndpoints({
      actions,
      limited: config.sessions.limitLogins,
      allowHttpWebhooks: !config.production,
    }),
    queues: [queue],
    workers: [
      {
        name: "verification",
        start: () =>
          startVerificationSweep({
            ...handingOver,
            ...recording,
            log,
            alerts,
            clock,
            sweepSeconds,
            unrecorded: needs.unrecorded,
            markRecorded: needs.markRecorded,
          }),
      },
      {
        name: "fraudAlerts",
        start: () =>
          startAlertWorker({
            jobs,
            alerts,
            queue,
            clock,
            sweepSeconds,
            async notifyAdmin(alert, waiting) {
              const { alertId, kind, attempts } = alert;
              logger.warn({ alertId, kind, attempts }, "possible credential fraud");
              await needs.mailAdmin({ id: `fraud-${sha256Hex(alertId)}`, wording: alertWording(alert, waiting) });
            },
          }),
      },
    ],
    ports: { authenticate: actions.authenticate },
  });
}
