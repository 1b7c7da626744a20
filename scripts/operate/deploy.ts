import { parseArgs } from "node:util";
import { deployContracts } from "../../chain/deploy";
import { deploymentPath } from "../../chain/deployment";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/config";
import { BootError } from "../../core/errors";
import { type CommandContext, runCommand } from "./command";

const usage = `npm run deploy

Deploys DIDRegistry and IssuerRegistry on the chain of RPC_URL and CHAIN_ID where they are not deployed yet, and
records their addresses in DEPLOYMENTS_DIR. DEPLOYER_PRIVATE_KEY pays; ISSUER_REGISTRY_OWNER may accredit issuers.`;

/** Deploys the contracts on the configured chain. */
async function run(args: string[], { env, print }: CommandContext): Promise<void> {
  parseArgs({ args, options: {} });
  const chainId = Number(env["CHAIN_ID"] ?? 31337);
  const deployerPrivateKey = env["DEPLOYER_PRIVATE_KEY"] ?? developmentKey(env, chainId);
  const deploymentsDir = env["DEPLOYMENTS_DIR"] ?? "deployments";
  const owner = env["ISSUER_REGISTRY_OWNER"];
  await deployContracts({
    rpcUrl: (env["RPC_URL"] ?? "http://127.0.0.1:8545").split(",")[0] ?? "",
    chainId,
    deployerPrivateKey,
    ...(owner !== undefined && { issuerRegistryOwner: owner }),
    didMethod: env["DID_METHOD"] ?? "mychain",
    deploymentsDir,
    report: print,
  });
  print(`recorded in ${deploymentPath(deploymentsDir, chainId)}`);
}

/** @throws BootError in production and on any chain but Hardhat's */
function developmentKey(env: NodeJS.ProcessEnv, chainId: number): string {
  if (env["NODE_ENV"] !== "production" && chainId === 31337) return DEVELOPMENT_RELAYER_KEY;
  const fix = "give the key of the account that pays for the deployment";
  throw new BootError("deployment", [{ subject: "DEPLOYER_PRIVATE_KEY", problem: "is missing", fix }]);
}

void runCommand({ usage, run });
