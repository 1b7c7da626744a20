import { addSeconds } from "../../core/clock";
import { startSweeper } from "../../core/jobs/sweeper";
import type { Context, Timing } from "../../process/context";
import { type HandOverDeps, handOverLater, handOverOutcome } from "./outcomeWebhook";
import { type HolderEvents, tellDecided } from "./holderEvents";
import { EXPIRY_GRACE_SECONDS } from "./rules";
import type { Decided, VerificationStore } from "./store";
import { type RepairDeps, repairUses } from "./usage/actions";

/** Longer than it takes to record a decision and to hand it over: what is not done by then was left behind. */
const RECORDING_SECONDS = 2;

/** Handled in one sweep. */
const SWEEP_LIMIT = 500;

interface SweepDeps extends RepairDeps, Omit<HandOverDeps, "verifications">, Pick<Context, "clock" | "logger"> {
  verifications: Pick<
    VerificationStore,
    "find" | "recordVerified" | "markHandedOver" | "pendingDeliveries" | "unanswered" | "recordExpired"
  >;
  timing: Pick<Timing, "sweepAfterSeconds">;
}

/** Before it is recorded: dying in between repeats this, and the event is stored once. */
async function tellExpired(
  deps: HolderEvents & { verifications: Pick<VerificationStore, "find"> },
  { verificationId }: Decided,
  at: Date,
): Promise<void> {
  const verification = await deps.verifications.find(verificationId);
  if (verification === null) return;
  const { credentialId, subjectDid: did } = verification;
  await tellDecided(deps, { verificationId, credentialId, did }, { status: "expired", at });
}

/**
 * Finishes what processes that died began, records of uses and webhooks that were not handed over, and ends
 * verifications that nobody answered.
 */
export function verificationSweep(deps: SweepDeps) {
  const { clock, logger, timing } = deps;
  return {
    name: "verification",
    start: () =>
      startSweeper({
        what: "verifications",
        everyMs: timing.sweepAfterSeconds * 1000,
        logger,
        async sweep() {
          const now = clock.now();
          const before = addSeconds(now, -RECORDING_SECONDS);
          const { repaired } = await repairUses(deps, { limit: SWEEP_LIMIT, takenBefore: before });
          if (repaired > 0) logger.warn({ repaired }, "uses of credentials whose process died were recorded");
          // After the repair: a use that was taken in time and not recorded is no expiry.
          const overdue = addSeconds(now, -EXPIRY_GRACE_SECONDS);
          for (const verification of await deps.verifications.unanswered(overdue, SWEEP_LIMIT)) {
            await tellExpired(deps, verification, now);
            await deps.verifications.recordExpired(verification, now);
            handOverLater(deps, verification);
          }
          const left = await deps.verifications.pendingDeliveries(before, SWEEP_LIMIT);
          for (const verificationId of left) await handOverOutcome(deps, verificationId);
        },
      }),
  };
}
