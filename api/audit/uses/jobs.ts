import type { Relayer } from "../../../chain/relayer/relayer";
import { addSeconds } from "../../../core/clock";
import { startSweeper } from "../../../core/jobs/sweeper";
import type { Context } from "../../../process/context";
import { anchorBatch, type AnchorBatchDeps, finalizeBatch } from "./anchoring";
import { type BatchDeps, formBatches } from "./batching";

/** Batches of a state that one sweep moves on. */
const SWEEP_LIMIT = 100;

/** Retention counts days. */
const RETENTION_INTERVAL_MS = 60 * 60_000;

const DAY_SECONDS = 24 * 60 * 60;

interface SweepDeps extends AnchorBatchDeps, Omit<BatchDeps, "batches">, Pick<Context, "timing"> {}

/** Batches uses, has the batches anchored, and follows them until their blocks are final. */
export function useAnchoringWorker(deps: SweepDeps) {
  return {
    name: "useAnchors",
    start: ({ relayer }: { relayer: Relayer }) =>
      startSweeper({
        what: "uses to anchor",
        everyMs: deps.timing.pollIntervalMs,
        logger: deps.logger,
        sweep: () => sweepBatches({ ...deps, relayer }),
      }),
  };
}

async function sweepBatches(deps: SweepDeps & { relayer: Relayer }): Promise<void> {
  const { batches, clock, timing } = deps;
  for (const digest of await formBatches(deps)) await anchorBatch(deps, { digest, attempt: 1 });
  const now = clock.now();
  const left = addSeconds(now, -timing.sweepAfterSeconds);
  for (const state of ["queued", "submitted"] as const) {
    for (const batch of await batches.waiting(state, left, SWEEP_LIMIT)) await anchorBatch(deps, batch);
  }
  for (const batch of await batches.waiting("mined", addSeconds(now, 1), SWEEP_LIMIT)) {
    await finalizeBatch(deps, { batch, overdue: batch.updatedAt < addSeconds(now, -timing.unseenSeconds) });
  }
}

/** Deletes batches all of whose uses left the usage log, at once and then every hour. What is on the chain stays. */
export function useRetentionWorker({ batches, clock, config, logger }: SweepDeps & Pick<Context, "config">) {
  return {
    name: "useRetention",
    start: () =>
      startSweeper({
        what: "batches of uses whose retention is over",
        everyMs: RETENTION_INTERVAL_MS,
        logger,
        async sweep() {
          const deleted = await batches.purge(addSeconds(clock.now(), -config.retention.usageDays * DAY_SECONDS));
          if (deleted > 0) logger.info({ batches: deleted }, "retention of batches of uses ended");
        },
      }),
  };
}
