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
import { deviceData } from "./personalData";
import type { AccountPorts } from "./registration/actions";
import { createEmailBudget } from "./registration/budgets";
import { createCodes } from "./registration/codes";
import { createCodeJobs } from "./registration/jobs";
import type { MailCodeDeps } from "./registration/mailCode";
import { registrationEndpoints } from "./registration/routes";
import { createEmailChallengeStore } from "./registration/store";
import { createDeviceSessionStore } from "./store";

type DeviceNeeds = Pick<EndDeviceDeps & MailCodeDeps, "appendUserEvent" | "sendMail"> & { accounts: AccountPorts };

/** Devices that are registered with a key of their own, and their sessions. */
export function createDevices(context: Context, needs: DeviceNeeds) {
  const { config, keys } = context;
  const { queue, enqueueCode, worker } = createCodeJobs(context);
  const deps = {
    ...context,
    deviceSessions: createDeviceSessionStore(context),
    challenges: createEmailChallengeStore(context),
    codeOf: createCodes(keys),
    takeEmailBudget: config.sessions.limitLogins ? createEmailBudget(context) : () => Promise.resolve(),
    canMail: config.mail !== undefined,
    enqueueCode,
    appendUserEvent: needs.appendUserEvent,
    sendMail: needs.sendMail,
    accounts: needs.accounts,
  };
  return defineModule({
    name: "devices",
    endpoints: registrationEndpoints(deps),
    queues: [queue],
    workers: [worker(deps), endedDeviceSweep(deps)],
    metrics: [deviceSessionsGauge(deps)],
    ports: {
      readDeviceSession: (deviceSessionId: string) => readDeviceSession(deps, deviceSessionId),
      authenticateDevice: (input: { deviceSessionId: string; userId: string }) => authenticateDevice(deps, input),
      checkDeviceSessions: (deviceSessionIds: string[]) => checkDeviceSessions(deps, deviceSessionIds),
      listDevices: (userId: string) => listDevices(deps, userId),
      endDeviceSession: (session: { deviceSessionId: string; userId: string }) => endDeviceSession(deps, session),
      endDeviceSessions: (input: { userId: string; exceptId?: string | undefined }) => endDeviceSessions(deps, input),
      personalData: deviceData(deps),
    },
  });
}
