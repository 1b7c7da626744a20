import type { Clock } from "../../../core/clock";
import type { KycConfig } from "../../../core/config/kyc";
import type { SandboxStore } from "../sandbox/store";
import { createOnfido } from "./onfido";
import { createPersona } from "./persona";
import type { KycProvider } from "./provider";
import { createSandbox } from "./sandbox";
import { createStripe } from "./stripe";
import { createSumsub } from "./sumsub";
import { createVeriff } from "./veriff";

/** The configured providers by name, the chosen one among them. */
export function createProviders(
  config: KycConfig,
  deps: { clock: Clock; sandbox: SandboxStore; publicUrl: string },
): { providers: ReadonlyMap<string, KycProvider>; chosen: KycProvider } {
  const { clock, sandbox, publicUrl } = deps;
  const configured = [
    config.sandbox && createSandbox({ sandbox, secrets: config.sandbox.webhookSecrets, publicUrl }),
    config.persona && createPersona(config.persona),
    config.veriff && createVeriff(config.veriff),
    config.onfido && createOnfido(config.onfido),
    config.sumsub && createSumsub(config.sumsub, clock),
    config.stripe && createStripe(config.stripe),
  ].filter((provider) => provider !== undefined);
  const providers = new Map(configured.map((provider) => [provider.name, provider]));
  const chosen = providers.get(config.provider);
  if (chosen === undefined) throw new Error(`The KYC provider ${config.provider} is chosen and not configured.`);
  return { providers, chosen };
}
