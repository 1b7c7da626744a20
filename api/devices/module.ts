import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { authenticateDevice, checkDeviceSessions, readDeviceSession } from "./actions";
import { deviceSessionsGauge } from "./metrics";
import { deviceSessionData } from "./personalData";
import { createDeviceSessionStore } from "./store";

/** Devices that are registered with a key of their own, and their sessions. */
export function createDevices(context: Context) {
  const deps = { ...context, deviceSessions: createDeviceSessionStore(context) };
  return defineModule({
    name: "devices",
    metrics: [deviceSessionsGauge(deps)],
    ports: {
      readDeviceSession: (deviceSessionId: string) => readDeviceSession(deps, deviceSessionId),
      authenticateDevice: (input: { deviceSessionId: string; userId: string }) => authenticateDevice(deps, input),
      checkDeviceSessions: (deviceSessionIds: string[]) => checkDeviceSessions(deps, deviceSessionIds),
      personalData: deviceSessionData(deps),
    },
  });
}
