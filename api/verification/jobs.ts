import { addSeconds, type Clock } from "../../core/clock";
import { startSweeper } from "../../core/jobs/sweeper";
import type { Logger } from "../../core/logger";
import { type HandOverDeps, handOverOutcome } from "./outcomeWebhook";
import type { VerificationStore } from "./store";
import { type RepairDeps, repairUses } from "./usage/actions";

/** Longer than it takes to record a decision and to hand it over: what is not done by then was left behind. */
const RECORDING_SECONDS = 2;

/** Looked at in one sweep. */
const SWEEP_LIMIT = 500;

/** Finishes what processes that died began: records of uses, and webhooks that were not handed over. */
export function startVerificationSweep(
  deps: Omit<RepairDeps, "verifications"> &
    Omit<HandOverDeps, "verifications"> & {
      verifications: VerificationStore;
      clock: Clock;
      logger: Logger;
      sweepSeconds: number;
    },
) {
  const { verifications, clock, logger } = deps;
  const sweeper = startSweeper({
    what: "verifications",
    everyMs: deps.sweepSeconds * 1000,
    logger,
    async sweep() {
      const before = addSeconds(clock.now(), -RECORDING_SECONDS);
      const { repaired } = await repairUses(deps, { limit: SWEEP_LIMIT, takenBefore: before });
      if (repaired > 0) logger.warn({ repaired }, "uses of credentials whose process died were recorded");
      for (const id of await verifications.pendingDeliveries(before, SWEEP_LIMIT)) await handOverOutcome(deps, id);
    },
  });
  return { close: () => sweeper.close() };
}
