import type { GaugeDefinition } from "../../process/metrics";
import type { SessionDeps } from "./actions";

/** How many sessions are valid. */
export function sessionsGauge({ sessions, clock }: Pick<SessionDeps, "sessions" | "clock">): GaugeDefinition {
  return {
    name: "cairn_sessions_valid",
    help: "Sessions that are valid now",
    read: () => sessions.countValid(clock.now()),
  };
}
