import { startSweeper } from "../../core/jobs/sweeper";
import type { Context } from "../../process/context";
import { announceForgottenEnds, type EndSessionDeps } from "./actions";

/** Tells of ended sessions that nobody was told of, at once and then at every sweep. */
export function endedSessionSweep(deps: EndSessionDeps & Pick<Context, "logger" | "timing">) {
  return {
    name: "endedSessions",
    start: () =>
      startSweeper({
        what: "ended sessions",
        everyMs: deps.timing.sweepIntervalMs,
        logger: deps.logger,
        sweep: () => announceForgottenEnds(deps),
      }),
  };
}
