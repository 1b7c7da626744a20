import { parseArgs } from "node:util";
import { deployContracts } from "../../chain/deploy";
import { deploymentPath } from "../../chain/deployment";
import { DEVELOPMENT_CHAIN_ID } from "../../core/config/chain";
import { type Config, loadConfig } from "../../core/config/config";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { BootError } from "../../core/errors";
import { type CommandContext, runCommand } from "./command";

const usage = `npm run deploy

Deploys DIDRegistry, IssuerRegistry and the verifiers of P-256 keys and passkeys (ERC-7913) on the chain of RPC_URL and
CHAIN_ID where they are not deployed yet, and records their addresses in DEPLOYMENTS_DIR. DEPLOYER_PRIVATE_KEY pays; ISSUER_REGISTRY_OWNER may accredit issuers.`;

/** Deploys the contracts on the configured chain. */
async function run(args: string[], { env, print }: CommandContext): Promise<void> {
  parseArgs({ args, options: {} });
  const config = loadConfig("command", env);
  const { rpcUrls, chainId, deploymentsDir } = config.chain;
  const { didMethod, deployerPrivateKey, issuerRegistryOwner } = config.deployment;
  await deployContracts({
    rpcUrl: rpcUrls[0] ?? "",
    chainId,
    deployerPrivateKey: deployerPrivateKey ?? developmentKey(config),
    issuerRegistryOwner,
    didMethod,
    deploymentsDir,
    report: print,
  });
  print(`recorded in ${deploymentPath(deploymentsDir, chainId)}`);
}

/** @throws BootError in production and on any chain but Hardhat's */
function developmentKey({ production, chain }: Config): string {
  if (!production && chain.chainId === DEVELOPMENT_CHAIN_ID) return DEVELOPMENT_RELAYER_KEY;
  const fix = "give the key of the account that pays for the deployment";
  throw new BootError("deployment", [{ subject: "DEPLOYER_PRIVATE_KEY", problem: "is missing", fix }]);
}

void runCommand({ usage, run });
