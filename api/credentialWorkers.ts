import type { Redis } from "ioredis";
import type { Chain } from "../chain/client";
import type { Clock } from "../core/clock";
import type { DeadLetterStore } from "../core/jobs/deadLetters";
import { DomainError } from "../core/errors";
import type { KeyStore } from "../core/keys/keyStore";
import type { Logger } from "../core/logger";
import type { Mongo } from "../core/mongo";
import type { Projection } from "../projection/queries";
import type { RelayHandler } from "../chain/relayer/handlers";
import type { Relayer } from "../chain/relayer/relayer";
import { statusFrom } from "./credentialApp";
import { STATUS_CHANGE, statusChangeHandler } from "./credentials/statusChanges/actions";
import { openChangeStore } from "./credentials/statusChanges/store";
import { enqueueChange, openStatusQueue, startStatusWorker } from "./credentials/statusChanges/jobs";
import { openCredentialStore } from "./credentials/store";
import { ISSUER_ANCHORING, issuerAnchoringHandler } from "./issuers/anchoring/actions";
import { enqueueIssuer, openIssuerQueue, startIssuerWorker } from "./issuers/anchoring/jobs";
import { openIssuerStore } from "./issuers/store";
import { createIssuerSigner } from "./issuers/signer";
import { type FraudAlert, openAlertStore } from "./verification/alerts/store";
import { openDispatch, openVerificationQueues, startVerificationWorker } from "./verification/alerts/jobs";
import { openVerificationStore } from "./verification/store";
import { openUsageLog } from "./verification/usage/store";
import { openVerifierStore } from "./verification/verifiers/store";
import { openWebhookSender, webhookSecretOf } from "./webhooks/delivery/actions";

/** What the workers of credentials are made of; whoever opens these closes them. */
export interface CredentialWorkerDependencies {
  config: { publicUrl: string; prefix: string; concurrency: number };
  /** Whether webhooks may go to `http:` URLs and private networks: in development. */
  allowPrivateWebhooks: boolean;
  clock: Clock;
  logger: Logger;
  mongo: Mongo;
  /** A connection that waits without limit: consumers block on it. */
  redis: Redis;
  chain: Chain;
  index: Projection;
  keys: KeyStore;
  deadLetters: DeadLetterStore;
  /** Tells the administrator of a fraud alert; `waiting` others wait to be told. */
  notifyAdmin(alert: FraudAlert, waiting: number): Promise<void>;
  timing?: Partial<CredentialWorkerTiming>;
}

/** How often the workers look by themselves. */
export interface CredentialWorkerTiming {
  /** Between two looks at the index while changes of status are in a block. */
  pollMs: number;
  /** Between two sweeps, and how long something waits before a sweep takes its job for lost. */
  sweepSeconds: number;
  /** How long the index may take to show a mined change before the chain is asked whether it is still there. */
  unseenSeconds: number;
}

const TIMING: CredentialWorkerTiming = { pollMs: 1_000, sweepSeconds: 10, unseenSeconds: 300 };

/** The relayer tells these what becomes of what they sent; made before the relayer, which needs them. */
export interface CredentialWorkers {
  handlers: Record<string, RelayHandler>;
  /** Begins to work; once, when the relayer is open. */
  start(relayer: Relayer): RunningCredentialWorkers;
}

/** The workers at work. */
export interface RunningCredentialWorkers {
  issuers: ReturnType<typeof startIssuerWorker>;
  statuses: ReturnType<typeof startStatusWorker>;
  verifications: ReturnType<typeof startVerificationWorker>;
  close(deadlineMs: number): Promise<void>;
}

/** Puts together what works behind issuers, credentials and their verification. */
export function openCredentialWorkers(deps: CredentialWorkerDependencies): CredentialWorkers {
  const { config, clock, logger, mongo, redis, chain, keys } = deps;
  const { prefix } = config;
  const timing = { ...TIMING, ...deps.timing };
  const issuers = openIssuerStore(mongo);
  const changes = openChangeStore(mongo);
  const credentials = openCredentialStore(mongo);
  const issuerQueue = openIssuerQueue({ redis, prefix });
  const statusQueue = openStatusQueue({ redis, prefix });
  const verificationQueues = openVerificationQueues({ redis, prefix });
  const requestChange = (changeId: string) => enqueueChange(statusQueue, changeId);

  return {
    handlers: {
      [ISSUER_ANCHORING]: issuerAnchoringHandler({
        store: issuers,
        requestAnchoring: (address) => enqueueIssuer(issuerQueue, address),
      }),
      [STATUS_CHANGE]: statusChangeHandler({ changes, clock, enqueueChange: requestChange }),
    },
    start(relayer) {
      const signer = createIssuerSigner({ chain, keys, relayer, clock });
      const shared = { redis, prefix, clock, logger, deadLetters: deps.deadLetters, sweepSeconds: timing.sweepSeconds };
      const anchoring = startIssuerWorker({
        ...{ ...shared, store: issuers, chain, signer, relayer, queue: issuerQueue, publicUrl: config.publicUrl },
      });
      const statuses = startStatusWorker({
        ...{ ...shared, changes, credentials, chain, concurrency: config.concurrency },
        ...{ pollMs: timing.pollMs, unseenSeconds: timing.unseenSeconds, enqueueChange: requestChange },
        indexedStatus: statusFrom(deps.index),
        async sendAsIssuer({ issuer, ...request }) {
          const account = await issuers.find(issuer);
          if (account === null) throw new DomainError("issuer.unknown", "not_found", `There is no issuer ${issuer}.`);
          await signer.send({ ...request, address: issuer, controllerKeyId: account.controllerKeyId });
        },
      });
      const verifications = startVerificationWorker({
        ...{ ...shared, verifications: openVerificationStore(mongo), verifiers: openVerifierStore(mongo) },
        ...{ log: openUsageLog(mongo), alerts: openAlertStore(mongo), notifyAdmin: deps.notifyAdmin },
        ...{ ...openDispatch(verificationQueues, logger), queues: verificationQueues },
        unrecorded: credentials.unrecorded,
        noteRecorded: credentials.noteRecorded,
        secretOf: (verifierId) => webhookSecretOf(keys, verifierId),
        send: openWebhookSender({ allowPrivate: deps.allowPrivateWebhooks }),
      });
      return {
        ...{ issuers: anchoring, statuses, verifications },
        async close(deadlineMs) {
          await Promise.all([anchoring.close(deadlineMs), statuses.close(deadlineMs), verifications.close(deadlineMs)]);
          await Promise.all([issuerQueue.close(), statusQueue.close(), verificationQueues.close()]);
        },
      };
    },
  };
}
