import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Config } from "../core/config/config";
import { BootError } from "../core/errors";
import type { RegistryDomain } from "./registry/consents";

const hash = z.string().regex(/^0x[0-9a-f]{64}$/);
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);

const deployedContract = z.object({
  address,
  /** The block from which on there is something to index. */
  blockNumber: z.number().int().nonnegative(),
  blockHash: hash,
  transactionHash: hash.nullable(),
  constructorArguments: z.array(z.string()),
});

const deploymentRecord = z.object({
  chainId: z.number().int().positive(),
  genesisHash: hash,
  didMethod: z.string(),
  contracts: z.object({ DIDRegistry: deployedContract, IssuerRegistry: deployedContract }),
  /** The verifiers of ERC-7913 keys; records of older deployments have none. */
  keyVerifiers: z.object({ p256: address, webauthn: address }).optional(),
});

/** Where one contract was deployed. */
export type DeployedContract = z.infer<typeof deployedContract>;

/** What `npm run deploy` records of a chain in `deployments/<chainId>.json`. */
export type Deployment = z.infer<typeof deploymentRecord>;

/** The DIDRegistry of a deployment, as its consents name it. */
export function registryDomain({ chainId, contracts, didMethod }: Deployment): RegistryDomain {
  return { chainId, contract: contracts.DIDRegistry.address, didMethod };
}

/** The verifiers whose ERC-7913 keys count: the deployment's and those of the configuration, in lower case. */
export function acceptedKeyVerifiers(deployment: Deployment, chain: Config["chain"]): ReadonlySet<string> {
  const all = [...Object.values(deployment.keyVerifiers ?? {}), ...chain.keyVerifiers];
  return new Set(all.map((verifier) => verifier.toLowerCase()));
}

/** Where the record of a chain's deployment lies. */
export function deploymentPath(directory: string, chainId: number): string {
  return join(directory, `${chainId}.json`);
}

/**
 * Reads the record of the contracts on the configured chain; addresses and start block given in the environment
 * replace the recorded ones.
 *
 * @throws BootError when there is no record, it cannot be read, or it is one of another chain
 */
export function loadDeployment(chain: Config["chain"]): Deployment {
  const path = deploymentPath(chain.deploymentsDir, chain.chainId);
  const errorOf = (problem: string, fix: string) => new BootError("process", [{ subject: path, problem, fix }]);
  const fix =
    "deploy the contracts with `npm run deploy`, or set CHAIN_ID and DEPLOYMENTS_DIR to where they are recorded";
  if (!existsSync(path)) throw errorOf(`there is no record of a deployment on chain ${chain.chainId}`, fix);

  const parsed = deploymentRecord.safeParse(parseJson(readFileSync(path, "utf8")));
  if (!parsed.success) throw errorOf(`is not a deployment record: ${z.prettifyError(parsed.error)}`, fix);
  const deployment = parsed.data;
  if (deployment.chainId !== chain.chainId) throw errorOf(`is of chain ${deployment.chainId}`, fix);

  const { DIDRegistry, IssuerRegistry } = deployment.contracts;
  return {
    ...deployment,
    contracts: {
      DIDRegistry: {
        ...DIDRegistry,
        address: chain.didRegistryAddress ?? DIDRegistry.address,
        blockNumber: chain.deploymentBlock ?? DIDRegistry.blockNumber,
      },
      IssuerRegistry: {
        ...IssuerRegistry,
        address: chain.issuerRegistryAddress ?? IssuerRegistry.address,
        blockNumber: chain.deploymentBlock ?? IssuerRegistry.blockNumber,
      },
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The schema reports it: undefined is no deployment record.
    return undefined;
  }
}
