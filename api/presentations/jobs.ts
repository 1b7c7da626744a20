import { addSeconds } from "../../core/clock";
import { startSweeper } from "../../core/jobs/sweeper";
import type { Context, Timing } from "../../process/context";
import { RESULT_REPEAT_SECONDS } from "./rules";
import type { PresentationStore } from "./store";

interface SweepDeps extends Pick<Context, "clock" | "logger"> {
  config: Pick<Context["config"], "presentations">;
  presentations: Pick<PresentationStore, "eraseTaken" | "eraseUnread">;
  timing: Pick<Timing, "sweepAfterSeconds">;
}

/**
 * Erases what wallets presented: a minute after the result was first read, or when nobody reads it in time. Verdicts
 * stay.
 */
export function presentationSweep(deps: SweepDeps) {
  const { clock, config, logger, presentations, timing } = deps;
  return {
    name: "presentations",
    start: () =>
      startSweeper({
        what: "presentations",
        everyMs: timing.sweepAfterSeconds * 1000,
        logger,
        async sweep() {
          const now = clock.now();
          const read = await presentations.eraseTaken(addSeconds(now, -RESULT_REPEAT_SECONDS));
          const unread = await presentations.eraseUnread(addSeconds(now, -config.presentations.unreadSeconds));
          if (read > 0 || unread > 0) logger.info({ read, unread }, "presented credentials erased");
        },
      }),
  };
}
