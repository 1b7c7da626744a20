import type { Redis } from "ioredis";
import type { Chain } from "../chain/client";
import type { Clock } from "../core/clock";
import type { Config } from "../core/config/config";
import { sha256Hex } from "../core/hash";
import { createDeadLetterStore } from "../core/jobs/deadLetters";
import type { KycConfig } from "../core/config/kyc";
import type { KeyStore } from "../core/keys/keyStore";
import type { Logger } from "../core/logger";
import type { Mongo } from "../core/mongo";
import type { Projection } from "../projection/queries";
import { type CredentialWorkers, openCredentialWorkers } from "./credentialWorkers";
import { type KycWorker, startKycWorker } from "./kycWiring";
import { composeMail } from "./notifications/mail";
import { openMailer } from "./notifications/openMailer";
import { startOAuth } from "./oauthWiring";
import { openUserStore } from "./sessions/users/store";
import { alarmWording } from "./verification/alerts/wording";
import type { FraudAlert } from "./verification/alerts/store";
import { type DeliveryHandler, openInboxQueue, startInboxWorker } from "./webhooks/inbox/jobs";
import { openInbox } from "./webhooks/inbox/store";

const INBOX_SWEEP_MS = 10_000;

/** What the worker's parts are made of. */
export interface WorkerPartDependencies {
  config: Config;
  clock: Clock;
  logger: Logger;
  mongo: Mongo;
  /** A connection that waits without limit: consumers block on it. */
  redis: Redis;
  chain: Chain;
  index: Projection;
  keys: KeyStore;
}

/** Jobs of issuers, credentials and verification. The relayer is given their handlers before they start. */
export function openWorkerCredentials(deps: WorkerPartDependencies): CredentialWorkers {
  const { config, clock, logger, mongo, redis, chain, index, keys } = deps;
  return openCredentialWorkers({
    config: {
      publicUrl: config.http.publicUrl,
      prefix: config.redis.prefix,
      concurrency: config.anchoring?.concurrency ?? 1,
    },
    allowPrivateWebhooks: !config.production,
    ...{ clock, logger, mongo, redis, chain, index, keys },
    deadLetters: createDeadLetterStore(mongo),
    notifyAdmin: adminAlarm(deps),
  });
}

/** Mail to the administrator; where no address or no mail server is configured, the alert is in the log and the list. */
function adminAlarm({ config, clock, logger }: WorkerPartDependencies) {
  const { mail, adminEmail } = config;
  const mailer = mail && adminEmail !== undefined ? openMailer(mail) : undefined;
  return async (alert: FraudAlert, waiting: number): Promise<void> => {
    logger.warn({ alertId: alert.alertId, kind: alert.kind, attempts: alert.attempts }, "possible credential fraud");
    if (mailer === undefined || mail === undefined || adminEmail === undefined) return;
    const to = { name: "administrator", address: adminEmail };
    const parts = { id: `fraud-${sha256Hex(alert.alertId)}`, from: mail.from, to, sentAt: clock.now() };
    await mailer.send(composeMail(alarmWording(alert, waiting), parts), () => Promise.resolve(true));
  };
}

/** Jobs of the gateway, of KYC and of the inbox that both share. */
export function startWorkerInbox(deps: WorkerPartDependencies): { close(deadlineMs: number): Promise<void> } {
  const { config, clock, logger, mongo, redis, keys } = deps;
  const gateway = startOAuth({ config, clock, logger, mongo, redis, keys });
  const handlers = { oauth: gateway.handler };
  const inbox = config.kyc === undefined ? startInboxAlone(deps, handlers) : startKyc(deps, config.kyc, handlers);
  return {
    async close(deadlineMs) {
      await inbox.close(deadlineMs);
      await gateway.close(deadlineMs);
    },
  };
}

function startKyc(deps: WorkerPartDependencies, kyc: KycConfig, handlers: Record<string, DeliveryHandler>): KycWorker {
  const { config, clock, logger, mongo, redis } = deps;
  const { mail } = config;
  const users = openUserStore(mongo);
  return startKycWorker({
    config: { redis: config.redis, http: config.http, kyc, ...(mail && { mail }) },
    ...{ clock, logger, mongo, redis, handlers },
    async recipientOf(userId) {
      const user = await users.findById(userId);
      return user === null ? null : { name: user.name, address: user.email };
    },
  });
}

/** Where production chose no KYC provider. */
function startInboxAlone(
  { config, clock, logger, mongo, redis }: WorkerPartDependencies,
  handlers: Record<string, DeliveryHandler>,
): { close(deadlineMs: number): Promise<void> } {
  const { prefix } = config.redis;
  const queue = openInboxQueue({ redis, prefix });
  const worker = startInboxWorker({
    ...{
      inbox: openInbox(mongo),
      queue,
      redis,
      prefix,
      deadLetters: createDeadLetterStore(mongo),
      clock,
      logger,
      handlers,
    },
    concurrency: 8,
    sweepEveryMs: INBOX_SWEEP_MS,
  });
  return {
    async close(deadlineMs) {
      await worker.close(deadlineMs);
      await queue.close();
    },
  };
}
