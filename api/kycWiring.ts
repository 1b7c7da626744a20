import type { Redis } from "ioredis";
import type { Clock } from "../core/clock";
import type { Config } from "../core/config/config";
import { createDeadLetterStore } from "../core/jobs/deadLetters";
import type { KycConfig } from "../core/config/kyc";
import type { Logger } from "../core/logger";
import type { Mongo } from "../core/mongo";
import type { Endpoint } from "./http/endpoint";
import { requireVerified } from "./kyc/actions";
import { kycDeliveryHandler, openRecheckQueue, startRecheckWorker } from "./kyc/decisions/jobs";
import type { RequireKyc } from "./kyc/policy";
import { openProviders } from "./kyc/providers/openProviders";
import { kycEndpoints } from "./kyc/routes";
import { enqueueReport, openSandboxQueue, startSandboxWorker } from "./kyc/sandbox/jobs";
import { sandboxEndpoints } from "./kyc/sandbox/routes";
import { openSandboxStore } from "./kyc/sandbox/store";
import { openKycStore } from "./kyc/store";
import { tellOfChange } from "./kyc/decisions/delivery";
import { notify } from "./notifications/actions";
import { enqueueMail, openMailQueue, startMailWorker } from "./notifications/jobs";
import { openMailer } from "./notifications/openMailer";
import { mailboxEndpoints } from "./notifications/routes";
import { openNotificationStore } from "./notifications/store";
import { openUserEvents } from "./notifications/userEvents";
import { receiveDelivery } from "./webhooks/inbox/actions";
import { type DeliveryHandler, enqueueEntry, openInboxQueue, startInboxWorker } from "./webhooks/inbox/jobs";
import type { CountDelivery } from "./webhooks/inbox/metrics";
import { openInbox } from "./webhooks/inbox/store";

/** What KYC is put together from, in the API and in the worker. */
export interface KycWiring {
  config: Pick<Config, "redis"> & { kyc: KycConfig; mail?: Config["mail"]; http: Pick<Config["http"], "publicUrl"> };
  clock: Clock;
  logger: Logger;
  mongo: Mongo;
  redis: Redis;
  timing?: Partial<KycTiming>;
}

/** How long forgotten work stays forgotten. */
export interface KycTiming {
  /** Between two sweeps. */
  sweepEveryMs: number;
  /** After this long without an outcome, a kept delivery or notification is queued again. */
  sweepSeconds: number;
}

const TIMING: KycTiming = { sweepEveryMs: 10_000, sweepSeconds: 30 };

/** The API's side of KYC. */
export interface KycApi {
  endpoints: Endpoint[];
  /** For routes and issuers that need a verified holder. */
  requireKyc: RequireKyc;
  /** Jobs waiting, by queue, for the metrics. */
  queues: Record<string, () => Promise<number>>;
  close(): Promise<void>;
}

/** The worker's side of KYC. */
export interface KycWorker {
  queues: Record<string, () => Promise<number>>;
  close(deadlineMs: number): Promise<void>;
}

/** Puts the API's side of KYC together. */
export function wireKycApi(wiring: KycWiring & { countDelivery: CountDelivery }): KycApi {
  const { config, clock, logger } = wiring;
  const common = openCommon(wiring);
  const { kyc, inbox, inboxQueue, sandbox, sandboxQueue } = common;
  const returnUrl = config.kyc.returnUrl ?? config.http.publicUrl;
  const receiving = {
    ...{ inbox, clock, logger, sweepSeconds: common.timing.sweepSeconds },
    enqueue: (entryId: string, requestId: string | undefined) => enqueueEntry(inboxQueue, entryId, requestId),
  };
  const endpoints = kycEndpoints({
    ...common.decisions,
    ...{ chosen: common.chosen, returnUrl },
    keep: (delivery) => receiveDelivery(receiving, delivery),
    count: (provider, outcome) => wiring.countDelivery("kyc", provider, outcome),
  });
  if (config.kyc.sandbox !== undefined) {
    const report = (job: Parameters<typeof enqueueReport>[1], delayMs: number) =>
      enqueueReport(sandboxQueue, job, delayMs);
    endpoints.push(...sandboxEndpoints({ sandbox, clock, returnUrl, report }));
  }
  if (config.mail !== undefined && "mailboxDir" in config.mail) {
    endpoints.push(...mailboxEndpoints({ folder: config.mail.mailboxDir }));
  }
  return {
    endpoints,
    requireKyc: async (userId) => {
      await requireVerified({ kyc }, userId);
    },
    queues: common.depths,
    close: common.close,
  };
}

/**
 * Puts the worker's side of KYC together and starts it.
 *
 * @param wiring.recipientOf where a user is written to; null when the account is gone
 */
export function startKycWorker(
  wiring: KycWiring & {
    recipientOf(userId: string): Promise<{ name: string; address: string } | null>;
    /** Who works on what the inbox keeps of other sources: all sources share one queue. */
    handlers?: Record<string, DeliveryHandler>;
  },
): KycWorker {
  const { config, clock, logger, mongo, redis } = wiring;
  const { prefix } = config.redis;
  const common = openCommon(wiring);
  const { sweepEveryMs } = common.timing;
  const base = { redis, prefix, deadLetters: createDeadLetterStore(mongo), clock, logger, sweepEveryMs };
  const { inbox, inboxQueue, notifications, mailQueue, recheckQueue } = common;

  const workers: { close(deadlineMs: number): Promise<void> }[] = [
    startInboxWorker({
      ...base,
      ...{ inbox, queue: inboxQueue, concurrency: 8 },
      handlers: { ...wiring.handlers, kyc: kycDeliveryHandler(common.decisions) },
    }),
    startRecheckWorker({ ...base, ...common.decisions, queue: recheckQueue, concurrency: 4 }),
  ];
  if (config.mail !== undefined) {
    const sending = { notifications, mailer: openMailer(config.mail), from: config.mail.from };
    const { recipientOf } = wiring;
    const { publicUrl } = config.http;
    workers.push(startMailWorker({ ...base, ...sending, recipientOf, publicUrl, queue: mailQueue, concurrency: 4 }));
  }
  if (config.kyc.sandbox !== undefined) {
    const { webhookSecrets: secrets, webhookUrl: given } = config.kyc.sandbox;
    const webhookUrl = given ?? `${config.http.publicUrl}/api/webhooks/kyc-status/sandbox`;
    workers.push(startSandboxWorker({ ...base, sandbox: common.sandbox, secrets, webhookUrl }));
  }
  return {
    queues: common.depths,
    async close(deadlineMs) {
      await Promise.all(workers.map((worker) => worker.close(deadlineMs)));
      await common.close();
    },
  };
}

function openCommon({ config, clock, logger, mongo, redis, timing: given }: KycWiring) {
  const timing = { ...TIMING, ...given };
  const connection = { redis, prefix: config.redis.prefix };
  const kyc = openKycStore(mongo);
  const sandbox = openSandboxStore(mongo);
  const inbox = openInbox(mongo);
  const notifications = openNotificationStore(mongo);
  const events = openUserEvents(mongo);
  const queues = {
    inboxQueue: openInboxQueue(connection),
    mailQueue: openMailQueue(connection),
    recheckQueue: openRecheckQueue(connection),
    sandboxQueue: openSandboxQueue(connection),
  };
  const notifying = {
    ...{ notifications, clock, sweepSeconds: timing.sweepSeconds },
    enqueue: (id: string) => enqueueMail(queues.mailQueue, id),
  };
  const telling = {
    notify: (notification: Parameters<typeof notify>[1]) => notify(notifying, notification),
    publish: (event: Parameters<typeof events.append>[0]) => events.append(event),
  };
  const { providers, chosen } = openProviders(config.kyc, { clock, sandbox, publicUrl: config.http.publicUrl });
  const decisions = {
    ...{ kyc, providers, clock, logger, recheckSeconds: config.kyc.recheckSeconds },
    tell: (userId: string, change: Parameters<typeof tellOfChange>[2]) => tellOfChange(telling, userId, change),
  };
  const all = Object.values(queues);
  return {
    ...{ timing, kyc, sandbox, inbox, notifications, chosen, decisions, ...queues },
    depths: Object.fromEntries(all.map((queue) => [queue.name, () => queue.depth()])),
    close: async () => {
      await Promise.all(all.map((queue) => queue.close()));
    },
  };
}
