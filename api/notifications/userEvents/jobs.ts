import { startSweeper } from "../../../core/jobs/sweeper";
import type { Timing } from "../../../process/context";
import { announceLeftOver, type UserEventDeps } from "./actions";

/** Announces events that were stored and not announced, at once and then at every sweep. */
export function announcementSweep(deps: UserEventDeps & { timing: Pick<Timing, "sweepIntervalMs"> }) {
  return {
    name: "userEvents",
    start: () =>
      startSweeper({
        what: "events that were not announced",
        everyMs: deps.timing.sweepIntervalMs,
        logger: deps.logger,
        sweep: () => announceLeftOver(deps),
      }),
  };
}
