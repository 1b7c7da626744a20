import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { authenticateToken, endWalletSessions, requireStanding } from "./actions";
import { createLoginLimits, unlimitedLogins } from "./loginLimits/actions";
import { createLoginBudgets } from "./loginLimits/budgets";
import { createTrustedAddresses } from "./loginLimits/store";
import { inspectSessions, inspectToken } from "./inspection";
import { endedSessionSweep } from "./jobs";
import { sessionsGauge } from "./metrics";
import { type SessionEndpointDeps, sessionEndpoints } from "./routes";
import type { SessionWallet } from "./rules";
import { type AccountDeps } from "./account/actions";
import { createErasureJobs } from "./account/jobs";
import { accountData } from "./account/personalData";
import { accountEndpoints } from "./account/routes";
import {
  accountOfEmail,
  accountOfPassword,
  confirmEmail,
  type ConfirmedEmailDeps,
  createConfirmedAccount,
  passwordVersionOf,
  requireConfirmedEmail,
  resetAccount,
} from "./confirmedEmail/actions";
import { createSessionStore } from "./store";
import { createSessionOfUser, recipientOf } from "./users/actions";
import { createPasswordHasher, type PasswordHasher } from "./users/passwordHashing";
import { createUserStore } from "./users/store";

/** `passwords` replaces the hashing of passwords. */
export type SessionNeeds = Pick<
  SessionEndpointDeps & AccountDeps & ConfirmedEmailDeps,
  | "walletsOf"
  | "controlLossOf"
  | "didsOf"
  | "personalData"
  | "appendUserEvent"
  | "unlinkWallets"
  | "listDevices"
  | "readDeviceSession"
  | "endDeviceSession"
  | "endDeviceSessions"
> & {
  passwords?: PasswordHasher | undefined;
};

/** Accounts, their sessions and their devices. */
export function createSessions(context: Context, needs: SessionNeeds) {
  const { config, mongo } = context;
  const limits = {
    budgets: createLoginBudgets(context),
    trustedAddresses: createTrustedAddresses(context),
    blindIndex: context.blindIndex,
  };
  const { queue, enqueueErasure, worker } = createErasureJobs(context);
  const deps = {
    ...context,
    users: createUserStore(context),
    sessions: createSessionStore(mongo, config.sessions),
    loginLimits: config.sessions.limitLogins ? createLoginLimits(limits) : unlimitedLogins,
    passwords: needs.passwords ?? createPasswordHasher(),
    walletsOf: needs.walletsOf,
    controlLossOf: needs.controlLossOf,
    didsOf: needs.didsOf,
    appendUserEvent: needs.appendUserEvent,
    unlinkWallets: needs.unlinkWallets,
    listDevices: needs.listDevices,
    readDeviceSession: needs.readDeviceSession,
    endDeviceSession: needs.endDeviceSession,
    endDeviceSessions: needs.endDeviceSessions,
    personalData: needs.personalData,
    enqueueErasure,
  };
  return defineModule({
    name: "sessions",
    endpoints: [...sessionEndpoints(deps), ...accountEndpoints(deps)],
    queues: [queue],
    workers: [worker(deps), endedSessionSweep(deps)],
    metrics: [sessionsGauge(deps)],
    ports: {
      readSession: (token: string) => authenticateToken(deps, token),
      inspectToken: (token: string) => inspectToken(deps, token),
      inspectSessions: (sessionIds: string[]) => inspectSessions(deps, sessionIds),
      openSession: (input: { userId: string; userAgent: string | undefined; wallet?: SessionWallet }) =>
        createSessionOfUser(deps, input),
      endWalletSessions: (opened: { userId: string; walletAddress: string }) => endWalletSessions(deps, opened),
      recipientOf: (userId: string) => recipientOf(deps, userId),
      requireConfirmedEmail: (userId: string) => requireConfirmedEmail(deps, userId),
      requireStanding: (caller: { sessionId: string; userId: string }) => requireStanding(deps, caller),
      accounts: {
        ofEmail: (email: string) => accountOfEmail(deps, email),
        ofPassword: (input: { email: string; password: string; address: string }) => accountOfPassword(deps, input),
        create: (input: { userId: string; email: string }) => createConfirmedAccount(deps, input),
        confirmEmail: (userId: string) => confirmEmail(deps, userId),
        reset: (input: { userId: string; passwordVersion: number; exceptId: string }) => resetAccount(deps, input),
        passwordVersionOf: (userId: string) => passwordVersionOf(deps, userId),
      },
      personalData: accountData(deps),
    },
  });
}
