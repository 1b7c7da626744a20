import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import {
  authenticateDevice,
  checkDeviceSessions,
  type EndDeviceDeps,
  endDeviceSession,
  endDeviceSessions,
  listDevices,
  readDeviceSession,
} from "./actions";
import { endedDeviceSweep } from "./jobs";
import { deviceSessionsGauge } from "./metrics";
import { deviceSessionData } from "./personalData";
import { createDeviceSessionStore } from "./store";

type DeviceNeeds = Pick<EndDeviceDeps, "appendUserEvent">;

/** Devices that are registered with a key of their own, and their sessions. */
export function createDevices(context: Context, needs: DeviceNeeds) {
  const deps = {
    ...context,
    deviceSessions: createDeviceSessionStore(context),
    appendUserEvent: needs.appendUserEvent,
  };
  return defineModule({
    name: "devices",
    workers: [endedDeviceSweep(deps)],
    metrics: [deviceSessionsGauge(deps)],
    ports: {
      readDeviceSession: (deviceSessionId: string) => readDeviceSession(deps, deviceSessionId),
      authenticateDevice: (input: { deviceSessionId: string; userId: string }) => authenticateDevice(deps, input),
      checkDeviceSessions: (deviceSessionIds: string[]) => checkDeviceSessions(deps, deviceSessionIds),
      listDevices: (userId: string) => listDevices(deps, userId),
      endDeviceSession: (session: { deviceSessionId: string; userId: string }) => endDeviceSession(deps, session),
      endDeviceSessions: (input: { userId: string; exceptId?: string | undefined }) => endDeviceSessions(deps, input),
      personalData: deviceSessionData(deps),
    },
  });
}
