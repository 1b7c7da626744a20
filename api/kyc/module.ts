import type { KycConfig } from "../../core/config/kyc";
import type { Context } from "../../process/context";
import { defineModule, type Module, type WorkerDefinition } from "../http/module";
import { type ReceiveWebhookDeps, requireVerified } from "./actions";
import { type NotifyDeps, notifyOfChange } from "./decisions/delivery";
import { kycDeliveryHandler, createRecheckQueue, startRecheckWorker } from "./decisions/jobs";
import { applyKycPolicy } from "./policy";
import type { KycNotice } from "./rules";
import { createProviders } from "./providers/createProviders";
import { kycEndpoints } from "./routes";
import { enqueueReport, createSandboxQueue, startSandboxWorker } from "./sandbox/jobs";
import { sandboxEndpoints } from "./sandbox/routes";
import { createSandboxStore } from "./sandbox/store";
import { createKycStore } from "./store";

export interface KycNeeds extends NotifyDeps {
  /** Null when the account is gone. */
  recipientOf(userId: string): Promise<unknown>;
  /** Stores a verified delivery durably; false when it was stored before. */
  receive: ReceiveWebhookDeps["store"];
  /** Counts a delivery by what became of it. */
  count(source: string, sender: string, outcome: string): void;
}

export interface KycPorts {
  /** Works on deliveries that the inbox stored, under the source `kyc`; undefined where no provider is configured. */
  handler: ReturnType<typeof kycDeliveryHandler> | undefined;
}

/** Identity verification by providers. Without a configured provider the module is empty. */
export function createKyc(context: Context, needs: KycNeeds): Module<KycPorts> {
  const { kyc } = context.config;
  if (kyc === undefined) return defineModule({ name: "kyc", ports: { handler: undefined } });
  return createConfiguredKyc(context, kyc, needs);
}

function createConfiguredKyc(context: Context, config: KycConfig, needs: KycNeeds): Module<KycPorts> {
  const { clock, logger, mongo, timing } = context;
  const jobs = context;
  const { publicUrl } = context.config.http;
  const kyc = createKycStore(mongo);
  const sandbox = createSandboxStore(mongo);
  const recheckQueue = createRecheckQueue(jobs);
  const { providers, chosen } = createProviders(config, { clock, sandbox, publicUrl });
  const decisions = {
    kyc,
    providers,
    clock,
    logger,
    recheckSeconds: config.recheckSeconds,
    notify: (userId: string, notice: KycNotice) => notifyOfChange(needs, userId, notice),
  };
  const returnUrl = config.returnUrl ?? publicUrl;
  const own = createSandbox(context, config, { sandbox, returnUrl });

  return defineModule({
    name: "kyc",
    endpoints: [
      ...kycEndpoints({
        ...decisions,
        chosen,
        accountExists: async (userId) => (await needs.recipientOf(userId)) !== null,
        returnUrl,
        store: needs.receive,
        count: (provider, outcome) => needs.count("kyc", provider, outcome),
      }),
      ...own.endpoints,
    ],
    queues: [recheckQueue, ...own.queues],
    workers: [
      {
        name: "kycRecheck",
        start: () =>
          startRecheckWorker({
            ...decisions,
            queue: recheckQueue,
            jobs,
            concurrency: 4,
            sweepIntervalMs: timing.sweepIntervalMs,
          }),
      },
      ...own.workers,
    ],
    policy: (endpoints) =>
      applyKycPolicy(endpoints, config.requiredFor, async (userId) => {
        await requireVerified({ kyc }, userId);
      }),
    ports: { handler: kycDeliveryHandler(decisions) },
  });
}

/** The built-in provider's own page and webhooks, where it is configured. */
function createSandbox(
  context: Context,
  config: KycConfig,
  { sandbox, returnUrl }: { sandbox: ReturnType<typeof createSandboxStore>; returnUrl: string },
): Pick<Module, "endpoints" | "queues" | "workers"> {
  if (config.sandbox === undefined) return { endpoints: [], queues: [], workers: [] };
  const { webhookSecrets: secrets, webhookUrl = `${context.config.http.publicUrl}/api/webhooks/kyc-status/sandbox` } =
    config.sandbox;
  const jobs = context;
  const queue = createSandboxQueue(jobs);
  const worker: WorkerDefinition = {
    name: "kycSandbox",
    start: () => startSandboxWorker({ jobs, sandbox, webhookUrl, secrets }),
  };
  return {
    endpoints: sandboxEndpoints({
      sandbox,
      clock: context.clock,
      returnUrl,
      report: (job, delayMs) => enqueueReport(queue, job, delayMs),
    }),
    queues: [queue],
    workers: [worker],
  };
}
