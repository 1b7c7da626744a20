import { startSweeper } from "../../../core/jobs/sweeper";
import type { Logger } from "../../../core/logger";
import { endRetention, type RetentionDeps } from "./actions";

/** Retention counts days; how often it is looked after decides by how much it is overrun. */
const SWEEP_INTERVAL_MS = 60 * 60_000;

/** Deletes what was stored for long enough, at once and then every hour. */
export function retentionSweep(deps: RetentionDeps & { logger: Logger }) {
  const { logger } = deps;
  return {
    name: "retention",
    start: () =>
      startSweeper({
        what: "what was stored for long enough",
        everyMs: SWEEP_INTERVAL_MS,
        logger,
        async sweep() {
          const report = await endRetention(deps);
          if (Object.values(report).some((count) => count > 0)) logger.info(report, "retention ended");
        },
      }),
  };
}
