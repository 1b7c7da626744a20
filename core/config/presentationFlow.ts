import { z } from "zod";
import type { BootProblem } from "../errors";
import { configPart } from "./part";
import { protocolOf, seconds, urlWith } from "./variables";

const milliseconds = z.coerce.number().int().min(10).max(600_000);
const count = z.coerce.number().int().min(1).max(10_000);

export const presentationFlowPart = configPart({
  environment: {
    PRESENTATION_FLOW_SECONDS: seconds.default(300),
    PRESENTATION_FLOW_POLL_MS: milliseconds.default(2_000),
    PRESENTATION_FLOW_MAX_POLLS: count.default(30),
    PRESENTATION_FLOW_QR_MAX_POLLS: count.default(150),
    PRESENTATION_INJI_URL: urlWith("http:", "https:").optional(),
    PRESENTATION_INJI_CLIENT_ID: z.string().min(1).max(2_048).optional(),
    PRESENTATION_INJI_WALLET_URL: urlWith("http:", "https:").optional(),
    PRESENTATION_INJI_TIMEOUT_MS: milliseconds.default(30_000),
    PRESENTATION_INJI_RETRIES: z.coerce.number().int().min(0).max(10).default(3),
    PRESENTATION_INJI_RETRY_MS: milliseconds.default(1_000),
  },
  problems(given, { production }) {
    const url = given["PRESENTATION_INJI_URL"];
    const clientId = given["PRESENTATION_INJI_CLIENT_ID"];
    const problems: BootProblem[] = [];
    if (url !== undefined && clientId === undefined) {
      const fix = "give the client id that the Inji Verify and the wallets know this installation by";
      problems.push({ subject: "PRESENTATION_INJI_CLIENT_ID", problem: "is missing, with PRESENTATION_INJI_URL", fix });
    }
    for (const subject of ["PRESENTATION_INJI_URL", "PRESENTATION_INJI_WALLET_URL"] as const) {
      if (!production || protocolOf(given[subject]) !== "http:") continue;
      problems.push({ subject, problem: "is not https in production", fix: "give an address with https" });
    }
    return problems;
  },
  shape: (env): { presentationFlow: PresentationFlowConfig } => ({
    presentationFlow: {
      sessionSeconds: env.PRESENTATION_FLOW_SECONDS,
      pollMs: env.PRESENTATION_FLOW_POLL_MS,
      maxPolls: env.PRESENTATION_FLOW_MAX_POLLS,
      maxQrPolls: env.PRESENTATION_FLOW_QR_MAX_POLLS,
      inji:
        env.PRESENTATION_INJI_URL === undefined
          ? null
          : {
              baseUrl: env.PRESENTATION_INJI_URL.replace(/\/+$/, ""),
              clientId: env.PRESENTATION_INJI_CLIENT_ID ?? "",
              walletUrl: env.PRESENTATION_INJI_WALLET_URL ?? null,
              timeoutMs: env.PRESENTATION_INJI_TIMEOUT_MS,
              retries: env.PRESENTATION_INJI_RETRIES,
              retryMs: env.PRESENTATION_INJI_RETRY_MS,
            },
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
  /** The Inji Verify that serves the flow; null: this process's own verifier does. */
  inji: InjiConfig | null;
}

/** An Inji Verify elsewhere. */
export interface InjiConfig {
  /** Of its API, without a trailing slash, for instance `https://verify.example/v1/verify`. */
  baseUrl: string;
  /** What it and the wallets know this installation by. */
  clientId: string;
  /** The page of an Inji Web wallet that takes requests; null: links have the wallets' scheme. */
  walletUrl: string | null;
  timeoutMs: number;
  /** How often a call that failed is repeated. */
  retries: number;
  /** Before the first repetition; each further one waits twice as long. */
  retryMs: number;
}
