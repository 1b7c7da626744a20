import { sha256Hex } from "../../core/hash";
import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import { openWebhookSender, webhookSecretOf } from "../webhooks/delivery/actions";
import { type VerificationActions, verificationActions, type VerificationParts } from "./actions";
import { openDispatch, openVerificationQueues, startVerificationWorker } from "./alerts/jobs";
import { openAlertStore } from "./alerts/store";
import { alarmWording } from "./alerts/wording";
import { createChainFacts } from "./confirmation/chainFacts";
import { createIndexFacts } from "./confirmation/indexFacts";
import { verificationEndpoints } from "./routes";
import { openVerificationStore } from "./store";
import type { RepairParts } from "./usage/sweep";
import { openUsageLog } from "./usage/store";
import { openVerifierStore } from "./verifiers/store";

export interface VerificationNeeds
  extends
    Pick<VerificationParts, "didsOf" | "findCredential" | "takeUse" | "assertionKeys">,
    Pick<RepairParts, "unrecorded" | "noteRecorded"> {
  /** Writes to the administrator, where an address and a way to carry mail are configured. */
  mailAdmin(mail: { id: string; wording: ReturnType<typeof alarmWording> }): Promise<void>;
}

export type VerificationPorts = Pick<VerificationActions, "authenticate">;

/** Holder-bound, one-time verification of credentials. */
export function createVerification(context: Context, needs: VerificationNeeds): Module<VerificationPorts> {
  const { config, clock, logger, mongo, redis, chain, projection, keys } = context;
  const { prefix } = config.redis;
  const { revocationSource, maxStalenessSeconds, challengeSeconds } = config.verification;
  const queues = openVerificationQueues({ redis, prefix });
  const { announce, alarm } = openDispatch(queues, logger);
  const verifiers = openVerifierStore(mongo);
  const verifications = openVerificationStore(mongo);
  const log = openUsageLog(mongo);
  const alerts = openAlertStore(mongo);
  const secretOf = (verifierId: string) => webhookSecretOf(keys, verifierId);
  const actions = verificationActions({
    verifiers,
    verifications,
    log,
    alerts,
    announce,
    alarm,
    clock,
    challengeSeconds,
    publicUrl: config.http.publicUrl,
    didsOf: needs.didsOf,
    chain,
    findCredential: needs.findCredential,
    takeUse: needs.takeUse,
    assertionKeys: needs.assertionKeys,
    webhookSecretOf: secretOf,
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
    queues: [queues.deliveries, queues.alarms],
    workers: [
      {
        name: "verification",
        start: () =>
          startVerificationWorker({
            verifiers,
            verifications,
            log,
            alerts,
            announce,
            alarm,
            queues,
            redis,
            prefix,
            clock,
            logger,
            secretOf,
            unrecorded: needs.unrecorded,
            noteRecorded: needs.noteRecorded,
            send: openWebhookSender({ allowPrivate: !config.production }),
            deadLetters: context.deadLetters,
            sweepSeconds: context.timing.sweepAfterSeconds,
            async notifyAdmin(alert, waiting) {
              const { alertId, kind, attempts } = alert;
              logger.warn({ alertId, kind, attempts }, "possible credential fraud");
              await needs.mailAdmin({ id: `fraud-${sha256Hex(alertId)}`, wording: alarmWording(alert, waiting) });
            },
          }),
      },
    ],
    ports: { authenticate: actions.authenticate },
  });
}
