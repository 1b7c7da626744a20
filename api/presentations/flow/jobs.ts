import { startSweeper } from "../../../core/jobs/sweeper";
import type { Logger } from "../../../core/logger";
import type { Timing } from "../../../process/context";
import type { EndFlowDeps } from "./endFlow";
import { endExpired } from "./followFlow";
import type { FlowStore } from "./store";

const BATCH = 100;

interface FlowSweepDeps extends EndFlowDeps {
  logger: Logger;
  flows: Pick<FlowStore, "end" | "find" | "findStuck">;
  timing: Pick<Timing, "sweepAfterSeconds">;
}

/** Finds flows whose time is over and that no browser follows any more, and ends them, each with its audit record. */
export function flowSweep(deps: FlowSweepDeps) {
  const { clock, flows, logger, timing } = deps;
  return {
    name: "presentation-flows",
    start: () =>
      startSweeper({
        what: "presentation flows",
        everyMs: timing.sweepAfterSeconds * 1000,
        logger,
        async sweep() {
          for (;;) {
            const stuck = await flows.findStuck(clock.now(), BATCH);
            for (const session of stuck) {
              const { sessionId: flowSessionId, status } = session;
              logger.warn({ flowSessionId, status }, "stuck verification flow found");
              await endExpired(deps, session, logger);
            }
            if (stuck.length < BATCH) return;
          }
        },
      }),
  };
}
