import { z } from "zod";
import { configPart } from "./part";
import { seconds } from "./variables";

const milliseconds = z.coerce.number().int().min(10).max(600_000);
const count = z.coerce.number().int().min(1).max(10_000);

export const presentationFlowPart = configPart({
  environment: {
    PRESENTATION_FLOW_SECONDS: seconds.default(300),
    PRESENTATION_FLOW_POLL_MS: milliseconds.default(2_000),
    PRESENTATION_FLOW_MAX_POLLS: count.default(30),
    PRESENTATION_FLOW_QR_MAX_POLLS: count.default(150),
  },
  shape: (env): { presentationFlow: PresentationFlowConfig } => ({
    presentationFlow: {
      sessionSeconds: env.PRESENTATION_FLOW_SECONDS,
      pollMs: env.PRESENTATION_FLOW_POLL_MS,
      maxPolls: env.PRESENTATION_FLOW_MAX_POLLS,
      maxQrPolls: env.PRESENTATION_FLOW_QR_MAX_POLLS,
    },
  }),
});

/** The flow that leads a browser from the request for a presentation to its result. */
interface PresentationFlowConfig {
  /** How long it may take as a whole. */
  sessionSeconds: number;
  /** Between two polls of the verifier. */
  pollMs: number;
  /** Polls once the browser is back from the wallet. */
  maxPolls: number;
  /** Polls while a QR code is shown: from another device no browser comes back. */
  maxQrPolls: number;
}
