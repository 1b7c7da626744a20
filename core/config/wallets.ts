import { configPart } from "./part";
import { seconds } from "./variables";

export const walletsPart = configPart({
  environment: { CHALLENGE_SECONDS: seconds.default(5 * 60) },
  shape: (env): { wallets: { challengeSeconds: number } } => ({ wallets: { challengeSeconds: env.CHALLENGE_SECONDS } }),
});
