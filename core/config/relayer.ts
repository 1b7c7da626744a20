import { z } from "zod";
import { configPart } from "./part";
import { flag, privateKey, seconds } from "./variables";

/**
 * Hardhat's first well-known account. Convenient on a developer's chain; anyone in the world can spend its money,
 * so production refuses it.
 */
export const DEVELOPMENT_RELAYER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

const FIX = "give the key of a funded account of your own";

const gas = z.coerce.number().int().positive();
const GAS_CAPS =
  "anchoring=1000000,bulk-anchoring=8388608,control=700000,credential-status=8388608,issuer-anchoring=2000000,use-anchoring=200000";
const gasCaps = z
  .string()
  .transform((text) => text.split(",").map((part) => part.trim()))
  .pipe(z.array(z.string().regex(/^[a-z-]+=[1-9]\d{4,8}$/, "must be kinds and their gas, such as control=700000")))
  .transform((pairs) => Object.fromEntries(pairs.map((pair) => pair.split("=") as [string, string])));

export const relayerPart = configPart({
  environment: {
    RELAYER_PRIVATE_KEY: privateKey.default(DEVELOPMENT_RELAYER_KEY),
    ANCHORING_STUCK_SECONDS: seconds.default(60),
    ANCHORING_CONCURRENCY: z.coerce.number().int().min(1).max(256).default(100),
    RELAYER_GAS_CAPS: gasCaps.prefault(GAS_CAPS),
    RELAYER_MAX_FEE_GWEI: z.coerce.number().positive().max(1e6).default(500),
    RELAYER_WALLET_DAILY_GAS: gas.default(1_000_000),
    RELAYER_USER_DAILY_GAS: gas.default(1_500_000),
    RELAYER_ISSUER_DAILY_GAS: gas.default(50_000_000),
    RELAYER_DAILY_GAS: gas.default(500_000_000),
    RELAYER_BACKOFF_SECONDS: seconds.default(600),
    RELAYER_CONTRACT_WALLETS: flag.default(false),
    RELAYER_GATE: z.enum(["none", "email", "kyc"]).default("none"),
    RELAYER_STOPPED: flag.default(false),
    RELAYER_ALARM_ETHER: z.coerce.number().nonnegative().default(0.1),
  },
  secrets: [{ variable: "RELAYER_PRIVATE_KEY", prefix: "0x", fix: FIX }],
  requiredInProduction: [{ variable: "RELAYER_PRIVATE_KEY", only: ["worker"], fix: FIX }],
  problems(given, { production }) {
    if (!production || given["RELAYER_GATE"] !== "kyc" || given["KYC_PROVIDER"] !== undefined) return [];
    const problem = "is kyc, and there is no KYC_PROVIDER: nobody could pass";
    return [{ subject: "RELAYER_GATE", problem, fix: "choose a KYC_PROVIDER, or none" }];
  },
  shape: (env, { processName, production }): { spending: SpendingConfig; anchoring?: RelayerConfig } => {
    const spending: SpendingConfig = {
      gasCaps: Object.fromEntries(Object.entries(env.RELAYER_GAS_CAPS).map(([kind, cap]) => [kind, Number(cap)])),
      maxFeeGwei: env.RELAYER_MAX_FEE_GWEI,
      dailyGas: {
        wallet: env.RELAYER_WALLET_DAILY_GAS,
        user: env.RELAYER_USER_DAILY_GAS,
        issuer: env.RELAYER_ISSUER_DAILY_GAS,
        all: env.RELAYER_DAILY_GAS,
      },
      backoffSeconds: env.RELAYER_BACKOFF_SECONDS,
      contractWallets: env.RELAYER_CONTRACT_WALLETS,
      gate: env.RELAYER_GATE,
      stopped: env.RELAYER_STOPPED,
      alarmEther: env.RELAYER_ALARM_ETHER,
    };
    // A command of the issuer registry's owner asks whether that owner is the relayer.
    const isGiven = !production || env.RELAYER_PRIVATE_KEY !== DEVELOPMENT_RELAYER_KEY;
    if (processName !== "worker" && !(processName === "command" && isGiven)) return { spending };
    return {
      spending,
      anchoring: {
        relayerPrivateKey: env.RELAYER_PRIVATE_KEY,
        stuckSeconds: env.ANCHORING_STUCK_SECONDS,
        concurrency: env.ANCHORING_CONCURRENCY,
      },
    };
  },
});

/** What the relayer's money may be spent on: chain/relayer/policy.ts. Every process knows it, to refuse at once. */
interface SpendingConfig {
  gasCaps: Record<string, number>;
  /** Most that a unit of gas may cost. */
  maxFeeGwei: number;
  /** Gas of a UTC day. */
  dailyGas: { wallet: number; user: number; issuer: number; all: number };
  backoffSeconds: number;
  /** Whether registrations are paid for where a contract decides on the signature (ERC-1271). */
  contractWallets: boolean;
  /** What a user must have done before anything is paid for it. */
  gate: "none" | "email" | "kyc";
  stopped: boolean;
  /** Below this the balance is reported as low. */
  alarmEther: number;
}

/** Present in the worker alone, and in operators' commands that are given the key: no other process holds it. */
interface RelayerConfig {
  relayerPrivateKey: string;
  stuckSeconds: number;
  concurrency: number;
}
