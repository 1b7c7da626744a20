import type { KycConfig } from "../../core/config/kyc";
import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { type KycDeps, type ReceiveWebhookDeps, refuseAll, requireVerified } from "./actions";
import { createRecheckJobs, kycDeliveryHandler } from "./decisions/jobs";
import { applyKycPolicy } from "./policy";
import { createProviders } from "./providers/createProviders";
import { kycData } from "./personalData";
import { kycEndpoints } from "./routes";
import { createSandboxJobs } from "./sandbox/jobs";
import { sandboxEndpoints } from "./sandbox/routes";
import { createSandboxStore } from "./sandbox/store";
import { createKycStore } from "./store";

type KycNeeds = Pick<KycDeps & ReceiveWebhookDeps, "recipientOf" | "notify" | "appendUserEvent" | "receive" | "count">;

/** Identity verification by providers. Without a configured provider the module is empty. */
export function createKyc(context: Context, needs: KycNeeds) {
  const settings = context.config.kyc;
  if (settings === undefined)
    return defineModule({
      name: "kyc",
      ports: {
        handlers: {},
        requireVerified: refuseAll,
        personalData: kycData({
          kyc: createKycStore(context.mongo),
          sandbox: createSandboxStore(context.mongo),
          clock: context.clock,
        }),
      },
    });
  return createConfiguredKyc(context, settings, needs);
}

function createConfiguredKyc(context: Context, settings: KycConfig, needs: KycNeeds) {
  const { clock, mongo } = context;
  const { publicUrl } = context.config.http;
  const sandbox = createSandboxStore(mongo);
  const deps = {
    ...context,
    ...needs,
    ...createProviders(settings, { clock, sandbox, publicUrl }),
    settings,
    returnUrl: settings.returnUrl ?? publicUrl,
    kyc: createKycStore(mongo),
  };
  const rechecks = createRecheckJobs(context);
  const reports = settings.sandbox && createSandboxJobs(context, { ...settings.sandbox, sandbox });
  return defineModule({
    name: "kyc",
    endpoints: [
      ...kycEndpoints(deps),
      ...(reports ? sandboxEndpoints({ ...deps, sandbox, report: reports.report }) : []),
    ],
    queues: reports ? [rechecks.queue, reports.queue] : [rechecks.queue],
    workers: reports ? [rechecks.worker(deps), reports.worker] : [rechecks.worker(deps)],
    policy: (endpoints) => applyKycPolicy(endpoints, settings.requiredFor, (userId) => requireVerified(deps, userId)),
    ports: {
      handlers: { kyc: kycDeliveryHandler(deps) },
      requireVerified: (userId: string) => requireVerified(deps, userId),
      personalData: kycData({ ...deps, sandbox }),
    },
  });
}
