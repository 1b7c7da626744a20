import { addSeconds } from "../../core/clock";
import { startSweeper } from "../../core/jobs/sweeper";
import type { Context, Timing } from "../../process/context";
import { announceAnswer, type AnnounceDeps } from "./management/announcement";
import { RESULT_REPEAT_SECONDS } from "./rules";
import type { PresentationStore } from "./store";

/** Longer than it takes to tell an owner: who is not told by then was left behind. */
const ANNOUNCING_SECONDS = 2;

/** Told in one sweep. */
const SWEEP_LIMIT = 500;

interface SweepDeps extends Omit<AnnounceDeps, "presentations">, Pick<Context, "clock" | "logger"> {
  config: Pick<Context["config"], "presentations">;
  presentations: Pick<PresentationStore, "eraseTaken" | "eraseUnread" | "pendingAnnouncements" | "markAnnounced">;
  timing: Pick<Timing, "sweepAfterSeconds">;
}

/**
 * Erases what wallets presented: a minute after the result was first read, or when nobody reads it in time. Verdicts
 * stay. Tells the owners of requests that were answered by processes that died before they could.
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
          const left = await presentations.pendingAnnouncements(addSeconds(now, -ANNOUNCING_SECONDS), SWEEP_LIMIT);
          for (const answered of left) await announceAnswer(deps, answered);
        },
      }),
  };
}
