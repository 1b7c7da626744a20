import type { GaugeDefinition } from "../../process/metrics";
import type { DeviceSessionDeps } from "./actions";

/** How many devices' sessions are active. */
export function deviceSessionsGauge({ deviceSessions, clock }: DeviceSessionDeps): GaugeDefinition {
  return {
    name: "cairn_device_sessions_active",
    help: "Sessions of registered devices that are active now",
    read: () => deviceSessions.countActive(clock.now()),
  };
}
