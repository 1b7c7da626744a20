import { z } from "zod";
import { configPart } from "./part";
import { seconds } from "./variables";

const quota = z.coerce.number().int().positive();

export const verificationPart = configPart({
  environment: {
    REVOCATION_SOURCE: z.enum(["chain", "index"]).default("chain"),
    REVOCATION_MAX_STALENESS_SECONDS: seconds.default(30),
    VERIFICATION_SECONDS: seconds.default(5 * 60),
    VERIFICATION_MAX_OPEN: quota.default(1_000),
    VERIFICATION_MAX_OPEN_PER_CREDENTIAL: quota.default(10),
  },
  shape: (env): { verification: VerificationConfig } => ({
    verification: {
      revocationSource: env.REVOCATION_SOURCE,
      maxStalenessSeconds: env.REVOCATION_MAX_STALENESS_SECONDS,
      challengeSeconds: env.VERIFICATION_SECONDS,
      maxOpen: env.VERIFICATION_MAX_OPEN,
      maxOpenPerCredential: env.VERIFICATION_MAX_OPEN_PER_CREDENTIAL,
    },
  }),
});

interface VerificationConfig {
  /** What is asked whether a credential is revoked. */
  revocationSource: "chain" | "index";
  /** How old the index may be when it is asked. */
  maxStalenessSeconds: number;
  /** How long a holder may take to confirm. */
  challengeSeconds: number;
  /** How many verifications that nobody answered yet one verifier may have, and of one credential. */
  maxOpen: number;
  maxOpenPerCredential: number;
}
