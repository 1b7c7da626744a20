import { z } from "zod";
import { configPart, type ProcessName } from "./part";
import { address, urlWith } from "./variables";

/** The id of development chains, Hardhat's and anvil's: what is anchored there is gone with the machine's data. */
export const DEVELOPMENT_CHAIN_ID = 31337;

/** Everybody but the gateway asks the chain. */
const ON_CHAIN: ProcessName[] = ["api", "worker", "indexer", "operator", "command"];

const rpcUrls = z
  .string()
  .transform((text) => text.split(",").map((part) => part.trim()))
  .pipe(z.array(urlWith("http:", "https:", "ws:", "wss:")).min(1));

const addresses = z
  .string()
  .transform((text) => text.split(",").map((part) => part.trim()))
  .pipe(z.array(address));

/** The chain, and where the contracts are on it. */
export const chainPart = configPart({
  environment: {
    RPC_URL: rpcUrls.default(["http://127.0.0.1:8545"]),
    CHAIN_ID: z.coerce.number().int().positive().default(DEVELOPMENT_CHAIN_ID),
    DEPLOYMENTS_DIR: z.string().min(1).default("deployments"),
    DID_REGISTRY_ADDRESS: address.optional(),
    ISSUER_REGISTRY_ADDRESS: address.optional(),
    KEY_VERIFIERS: addresses.default([]),
    DEPLOYMENT_BLOCK: z.coerce.number().int().nonnegative().optional(),
    CONFIRMATIONS: z.coerce.number().int().min(0).max(10_000).optional(),
  },
  requiredInProduction: [
    {
      variable: "RPC_URL",
      only: ON_CHAIN,
      fix: "give one or more JSON-RPC endpoints of the chain, separated by commas",
    },
    { variable: "CHAIN_ID", only: ON_CHAIN, fix: "give the id of the chain the contracts are deployed on" },
  ],
  shape: (env): { chain: ChainConfig } => ({
    chain: {
      rpcUrls: env.RPC_URL,
      chainId: env.CHAIN_ID,
      deploymentsDir: env.DEPLOYMENTS_DIR,
      keyVerifiers: env.KEY_VERIFIERS,
      ...(env.DID_REGISTRY_ADDRESS !== undefined && { didRegistryAddress: env.DID_REGISTRY_ADDRESS }),
      ...(env.ISSUER_REGISTRY_ADDRESS !== undefined && { issuerRegistryAddress: env.ISSUER_REGISTRY_ADDRESS }),
      ...(env.DEPLOYMENT_BLOCK !== undefined && { deploymentBlock: env.DEPLOYMENT_BLOCK }),
      ...(env.CONFIRMATIONS !== undefined && { confirmations: env.CONFIRMATIONS }),
    },
  }),
});

interface ChainConfig {
  /** One or more endpoints of the same chain, the preferred one first. */
  rpcUrls: string[];
  chainId: number;
  deploymentsDir: string;
  /** Contracts whose ERC-7913 keys are accepted beside those of the deployment. */
  keyVerifiers: string[];
  didRegistryAddress?: string;
  issuerRegistryAddress?: string;
  deploymentBlock?: number;
  /** Blocks after which one counts as finalized; undefined follows the chain's own `finalized` tag. */
  confirmations?: number;
}
