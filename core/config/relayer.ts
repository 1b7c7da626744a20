import { z } from "zod";
import { configPart } from "./part";
import { privateKey, seconds } from "./variables";

/**
 * Hardhat's first well-known account. Convenient on a developer's chain; anyone in the world can spend its money,
 * so production refuses it.
 */
export const DEVELOPMENT_RELAYER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

const FIX = "give the key of a funded account of your own";

export const relayerPart = configPart({
  environment: {
    RELAYER_PRIVATE_KEY: privateKey.default(DEVELOPMENT_RELAYER_KEY),
    ANCHORING_STUCK_SECONDS: seconds.default(60),
    ANCHORING_CONCURRENCY: z.coerce.number().int().min(1).max(256).default(100),
  },
  requiredInProduction: [{ variable: "RELAYER_PRIVATE_KEY", only: ["worker"], fix: FIX }],
  secrets: [{ variable: "RELAYER_PRIVATE_KEY", prefix: "0x", fix: FIX }],
  shape: (env, { processName }): { anchoring?: RelayerConfig } => {
    if (processName !== "worker") return {};
    return {
      anchoring: {
        relayerPrivateKey: env.RELAYER_PRIVATE_KEY,
        stuckSeconds: env.ANCHORING_STUCK_SECONDS,
        concurrency: env.ANCHORING_CONCURRENCY,
      },
    };
  },
});

/** Present in the worker alone: no other process holds the key that pays. */
interface RelayerConfig {
  relayerPrivateKey: string;
  stuckSeconds: number;
  concurrency: number;
}
