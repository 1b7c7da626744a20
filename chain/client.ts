import type { FailoverProvider } from "./provider";
import { createProvider } from "./provider";
import type { Config } from "../core/config/config";
import { type Deployment, loadDeployment } from "./deployment";
import type { BootProblem } from "../core/errors";
import { BootError } from "../core/errors";
import type { PreflightCheck } from "../process/preflight";
import {
  type DIDRegistry,
  DIDRegistry__factory,
  type IssuerRegistry,
  IssuerRegistry__factory,
} from "../typechain-types";

/** The contracts' ABIs, for whoever decodes logs or errors by hand. */
export const DID_REGISTRY_ABI = DIDRegistry__factory.abi;
export const ISSUER_REGISTRY_ABI = IssuerRegistry__factory.abi;

export type { DIDRegistry, IssuerRegistry };

/** The chain as a process sees it: where to ask, and both contracts bound to it. */
export interface Chain {
  chainId: number;
  deployment: Deployment;
  provider: FailoverProvider;
  didRegistry: DIDRegistry;
  issuerRegistry: IssuerRegistry;
  close(): void;
}

/**
 * Binds the recorded contracts to the configured endpoints. Does not talk to the chain yet: {@link chainCheck} does.
 *
 * @throws BootError when no deployment is recorded for the chain
 */
export function createChain(config: Config["chain"]): Chain {
  const deployment = loadDeployment(config);
  const provider = createProvider(config.rpcUrls, config.chainId);
  const { DIDRegistry, IssuerRegistry } = deployment.contracts;
  return {
    chainId: config.chainId,
    deployment,
    provider,
    didRegistry: DIDRegistry__factory.connect(DIDRegistry.address, provider),
    issuerRegistry: IssuerRegistry__factory.connect(IssuerRegistry.address, provider),
    close: () => provider.destroy(),
  };
}

/**
 * The check that every endpoint answers, speaks of the configured chain, and holds the contracts at their addresses.
 */
export function chainCheck(config: Config["chain"]): PreflightCheck {
  return {
    subject: "RPC_URL",
    fix: "start the chain there, or correct RPC_URL",
    async run() {
      const faults = await Promise.all(config.rpcUrls.map((url) => endpointFaults(url, config)));
      return faults.flat();
    },
  };
}

async function endpointFaults(url: string, config: Config["chain"]): Promise<BootProblem[]> {
  const { host } = new URL(url);
  const provider = createProvider([url], config.chainId);
  try {
    const found = Number(await provider.send("eth_chainId", []));
    if (found !== config.chainId) {
      const problem = `${host} serves chain ${found}, but CHAIN_ID is ${config.chainId}`;
      return [{ subject: "CHAIN_ID", problem, fix: "correct CHAIN_ID, or point RPC_URL at the chain you mean" }];
    }
    return await contractFaults(provider, config);
  } finally {
    provider.destroy();
  }
}

async function contractFaults(provider: FailoverProvider, config: Config["chain"]): Promise<BootProblem[]> {
  const faults: BootProblem[] = [];
  try {
    const { contracts } = loadDeployment(config);
    for (const [name, { address }] of Object.entries(contracts)) {
      if ((await provider.getCode(address)) !== "0x") continue;
      const problem = `there is no contract at ${address} on chain ${config.chainId}`;
      faults.push({ subject: name, problem, fix: "deploy it with `npm run deploy`, or correct its address" });
    }
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    faults.push(...error.problems);
  }
  return faults;
}
