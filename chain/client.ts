import type { FailoverProvider } from "./provider";
import { createProvider } from "./provider";
import type { Config } from "../core/config/config";
import { acceptedKeyVerifiers, type Deployment, loadDeployment } from "./deployment";
import {
  type DIDRegistry,
  DIDRegistry__factory,
  type IssuerRegistry,
  IssuerRegistry__factory,
} from "../typechain-types";

export type { DIDRegistry, IssuerRegistry };

/** The chain as a process sees it: where to ask, and both contracts bound to it. */
export interface Chain {
  chainId: number;
  deployment: Deployment;
  provider: FailoverProvider;
  didRegistry: DIDRegistry;
  issuerRegistry: IssuerRegistry;
  /** The verifiers whose ERC-7913 keys count, `0x` and 40 lower-case hexadecimal digits. */
  keyVerifiers: ReadonlySet<string>;
  close(): void;
}

/**
 * Binds the recorded contracts to the configured endpoints. Does not talk to the chain yet.
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
    keyVerifiers: acceptedKeyVerifiers(deployment, config),
    close: () => provider.destroy(),
  };
}
