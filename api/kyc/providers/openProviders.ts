import type { Clock } from "../../../core/clock";
import type { KycConfig } from "../../../core/config/kyc";
import type { SandboxStore } from "../sandbox/store";
import { openOnfido } from "./onfido";
import { openPersona } from "./persona";
import type { KycProvider } from "./provider";
import { openSandbox } from "./sandbox";
import { openStripe } from "./stripe";
import { openSumsub } from "./sumsub";
import { openVeriff } from "./veriff";

/** The configured providers by name, the chosen one among them. */
export function openProviders(
  config: KycConfig,
  parts: { clock: Clock; sandbox: SandboxStore; publicUrl: string },
): { providers: ReadonlyMap<string, KycProvider>; chosen: KycProvider } {
  const { clock, sandbox, publicUrl } = parts;
  const open = [
    config.sandbox && openSandbox({ sandbox, secrets: config.sandbox.webhookSecrets, publicUrl }),
    config.persona && openPersona(config.persona),
    config.veriff && openVeriff(config.veriff),
    config.onfido && openOnfido(config.onfido),
    config.sumsub && openSumsub(config.sumsub, clock),
    config.stripe && openStripe(config.stripe),
  ].filter((provider) => provider !== undefined);
  const providers = new Map(open.map((provider) => [provider.name, provider]));
  const chosen = providers.get(config.provider);
  if (chosen === undefined) throw new Error(`The KYC provider ${config.provider} is chosen and not configured.`);
  return { providers, chosen };
}
