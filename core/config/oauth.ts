import { z } from "zod";
import { configPart } from "./part";
import { seconds } from "./variables";

export const oauthPart = configPart({
  environment: {
    OAUTH_RECHECK_SECONDS: seconds.default(60),
    OAUTH_VERIFIER_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000).default(10_000),
  },
  shape: (env): { oauth: OAuthConfig } => ({
    oauth: { recheckSeconds: env.OAUTH_RECHECK_SECONDS, verifierTimeoutMs: env.OAUTH_VERIFIER_TIMEOUT_MS },
  }),
});

interface OAuthConfig {
  /** How long a verifier may be silent about an open verification before it is asked. */
  recheckSeconds: number;
  /** How long a verifier may take to answer. */
  verifierTimeoutMs: number;
}
