import type { Context } from "../process/context";
import { createAdmin } from "./admin/module";
import { createAudit } from "./audit/module";
import { createCommands } from "./commands/module";
import { createContexts } from "./contexts/module";
import { createControl } from "./control/module";
import { createCredentials } from "./credentials/module";
import { createDevices } from "./devices/module";
import { createDids } from "./dids/module";
import type { ApiKeyReader } from "./http/apiKeys";
import type { SessionReader } from "./http/authenticate";
import type { Module } from "./http/module";
import type { DeviceAuthenticator } from "./http/serviceAuthentication";
import { createIssuers } from "./issuers/module";
import { createKyc } from "./kyc/module";
import { createNotifications } from "./notifications/module";
import { createOAuth } from "./oauth/module";
import { createPresentations } from "./presentations/module";
import { createSessions } from "./sessions/module";
import type { PasswordHasher } from "./sessions/users/passwordHashing";
import { createStatusLists } from "./statusLists/module";
import { createVerification } from "./verification/module";
import { createWallets } from "./wallets/module";
import { createWebhookDelivery } from "./webhooks/delivery/module";
import { createWebhookInbox } from "./webhooks/inbox/module";

/** What a test may put in place of the real thing. */
export interface Replacements {
  passwords?: PasswordHasher;
}

/** Every module of the API, by name. */
export type Modules = ReturnType<typeof createModules>;

/**
 * Makes every module: the one list of slices, and the one place where ports of one slice reach another. The API serves
 * their endpoints, the worker runs their workers. A port that is created further down is called through a function.
 */
export function createModules(context: Context, { passwords }: Replacements = {}) {
  const sessions = createSessions(context, {
    walletsOf: (userId) => wallets.ports.walletsOf(userId),
    controlLossOf: (session) => wallets.ports.controlLossOf(session),
    didsOf: (userId) => wallets.ports.didsOf(userId),
    unlinkWallets: (userId) => wallets.ports.unlinkWallets(userId),
    readDeviceSession: (deviceSessionId) => devices.ports.readDeviceSession(deviceSessionId),
    listDevices: (userId) => devices.ports.listDevices(userId),
    endDeviceSession: (session) => devices.ports.endDeviceSession(session),
    endDeviceSessions: (input) => devices.ports.endDeviceSessions(input),
    appendUserEvent: (event) => notifications.ports.appendUserEvent(event),
    // What leads to other data comes after it: usage is found by credentials, credentials by wallets' DIDs.
    personalData: () =>
      [sessions, devices, commands, verification, audit, credentials, kyc, notifications, control, wallets].map(
        ({ ports }) => ports.personalData,
      ),
    passwords,
  });
  const devices = createDevices(context, {
    accounts: sessions.ports.accounts,
    appendUserEvent: (event) => notifications.ports.appendUserEvent(event),
    sendMail: (mail) => notifications.ports.sendMail(mail),
  });
  const requireVerified = (userId: string) => kyc.ports.requireVerified(userId);
  const wallets = createWallets(context, {
    ...sessions.ports,
    requireVerified,
    appendUserEvent: (event) => notifications.ports.appendUserEvent(event),
  });
  const control = createControl(context, { ...sessions.ports, ...wallets.ports, requireVerified });
  const issuers = createIssuers(context);
  const credentials = createCredentials(context, {
    ...issuers.ports,
    ...wallets.ports,
    appendHolderEvent: (event) => notifications.ports.appendHolderEvent(event),
  });
  const notifications = createNotifications(context, { ...sessions.ports, ...wallets.ports });
  const inbox = createWebhookInbox(context, { handlers: () => ({ ...oauth.ports.handlers, ...kyc.ports.handlers }) });
  const delivery = createWebhookDelivery(context, {
    webhookUrlOf: async (owner) => (await verification.ports.findVerifier(owner))?.webhookUrl ?? null,
  });
  const verification = createVerification(context, {
    ...issuers.ports,
    ...credentials.ports,
    ...wallets.ports,
    ...delivery.ports,
    ...notifications.ports,
  });
  const audit = createAudit(context, {
    ...verification.ports,
    ...credentials.ports,
    findCredential: credentials.ports.findCredId,
  });
  const presentations = createPresentations(context, {
    ...issuers.ports,
    ...verification.ports,
    ...delivery.ports,
    verificationAnswered: (verificationId) => oauth.ports.verificationAnswered(verificationId),
  });
  const oauth = createOAuth(context, { ...inbox.ports, ...delivery.ports, ...presentations.ports });
  const kyc = createKyc(context, { ...sessions.ports, ...inbox.ports, ...notifications.ports });
  const commands = createCommands(context, { ...sessions.ports, ...devices.ports, ...notifications.ports });

  return {
    sessions,
    devices,
    wallets,
    control,
    contexts: createContexts(context),
    dids: createDids(context, issuers.ports),
    issuers,
    credentials,
    verification,
    presentations,
    statusLists: createStatusLists(context, issuers.ports),
    audit,
    oauth,
    // Before KYC, whose policy covers commands as well.
    commands,
    kyc,
    notifications,
    inbox,
    delivery,
    admin: createAdmin(context),
  };
}

/** Reads whose session or API key a request carries, and whose device's command it is. */
export function callersOf({ sessions, devices, issuers, verification, admin }: Modules): {
  readSession: SessionReader;
  readApiKey: ApiKeyReader;
  authenticateDevice: DeviceAuthenticator;
} {
  const readers = {
    issuer: issuers.ports.authenticateIssuer,
    verifier: verification.ports.authenticateVerifier,
    admin: admin.ports.authenticate,
  };
  return {
    readSession: sessions.ports.readSession,
    readApiKey: (kind, key) => readers[kind](key),
    authenticateDevice: devices.ports.authenticateDevice,
  };
}

/** The modules as a process goes through them. */
export function listOf(modules: Partial<Modules>): Module[] {
  return Object.values(modules);
}
