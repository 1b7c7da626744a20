import { z } from "zod";
import { configPart } from "./part";
import { seconds } from "./variables";

export const issuancePart = configPart({
  environment: {
    ISSUANCE_OFFER_SECONDS: seconds.default(24 * 60 * 60),
    ISSUANCE_TOKEN_SECONDS: seconds.default(600),
    ISSUANCE_NONCE_SECONDS: seconds.default(300),
    ISSUANCE_WALLET_SCHEME: z
      .string()
      .regex(/^[a-z][a-z0-9+.-]*$/, "must be a URL scheme, for instance openid-credential-offer")
      .default("openid-credential-offer"),
  },
  shape: (env): { issuance: IssuanceConfig } => ({
    issuance: {
      offerSeconds: env.ISSUANCE_OFFER_SECONDS,
      tokenSeconds: env.ISSUANCE_TOKEN_SECONDS,
      nonceSeconds: env.ISSUANCE_NONCE_SECONDS,
      walletScheme: env.ISSUANCE_WALLET_SCHEME,
    },
  }),
});

interface IssuanceConfig {
  /** How long a wallet may take to redeem a credential offer. */
  offerSeconds: number;
  /** How long a wallet may take to fetch the credential from then on. */
  tokenSeconds: number;
  /** How long a wallet may take to prove its key with a nonce. */
  nonceSeconds: number;
  /** Of the links that open a wallet. */
  walletScheme: string;
}
