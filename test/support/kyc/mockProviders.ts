import type { MockProvider } from "./mockProvider";
import { startOnfido } from "./onfido";
import { startPersona } from "./persona";
import { startSandbox } from "./sandbox";
import { startStripe } from "./stripe";
import { startSumsub } from "./sumsub";
import { startVeriff } from "./veriff";

/** How to start the mock of each provider. */
export const MOCK_PROVIDERS: Record<MockProvider["name"], () => MockProvider | Promise<MockProvider>> = {
  sandbox: startSandbox,
  persona: startPersona,
  veriff: startVeriff,
  onfido: startOnfido,
  sumsub: startSumsub,
  stripe: startStripe,
};
