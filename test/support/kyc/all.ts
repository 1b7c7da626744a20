import type { StandIn } from "./standIn";
import { startOnfido } from "./onfido";
import { startPersona } from "./persona";
import { startSandbox } from "./sandbox";
import { startStripe } from "./stripe";
import { startSumsub } from "./sumsub";
import { startVeriff } from "./veriff";

/** How to start the stand-in of each provider. */
export const STAND_INS: Record<StandIn["name"], () => StandIn | Promise<StandIn>> = {
  sandbox: startSandbox,
  persona: startPersona,
  veriff: startVeriff,
  onfido: startOnfido,
  sumsub: startSumsub,
  stripe: startStripe,
};
