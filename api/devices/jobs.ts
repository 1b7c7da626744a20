import { startSweeper } from "../../core/jobs/sweeper";
import type { Context } from "../../process/context";
import { announceForgottenEnds, type EndDeviceDeps } from "./actions";

/** Tells of ended sessions that nobody was told of, at once and then at every sweep. */
export function endedDeviceSweep(deps: EndDeviceDeps & Pick<Context, "logger" | "timing">) {
  return {
    name: "endedDevices",
    start: () =>
      startSweeper({
        what: "ended sessions of devices",
        everyMs: deps.timing.sweepIntervalMs,
        logger: deps.logger,
        sweep: () => announceForgottenEnds(deps),
      }),
  };
}
