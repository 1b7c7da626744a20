import type { Deployment } from "../../chain/deployment";
import { BootError, TransientError } from "../../core/errors";
import type { RegistryName } from "../../chain/registry/events";
import type { CheckpointDocument } from "../../projection/models";
import type { IndexIdentity } from "../../projection/models";
import { RpcError } from "../rpc/rpcError";
import { headerAt } from "../rpc/headers";
import type { Source } from "../rpc/source";

/** The chain is not the one that was indexed: it was reset, or the contracts are others. */
export class ChainResetError extends Error {
  override readonly name = "ChainResetError";
}

/** The contracts of a deployment by address in lower case. */
export function contractsOf({ contracts }: Deployment): Map<string, RegistryName> {
  return new Map([
    [contracts.DIDRegistry.address.toLowerCase(), "DIDRegistry" as const],
    [contracts.IssuerRegistry.address.toLowerCase(), "IssuerRegistry" as const],
  ]);
}

/**
 * Asks the chain for what distinguishes it from every other: its id, its first block, and the block in which the
 * contracts were deployed. Nodes that do not know that block yet are asked again, as often as the source does.
 *
 * @throws TransientError when no endpoint answers, or every one serves a chain with another id
 * @throws ChainResetError when the recorded deployment is not on this chain
 */
export async function identifyChain(source: Source, deployment: Deployment): Promise<IndexIdentity> {
  const { DIDRegistry, IssuerRegistry } = deployment.contracts;
  const first = DIDRegistry.blockNumber <= IssuerRegistry.blockNumber ? DIDRegistry : IssuerRegistry;
  const found = await source.ask("the chain's id and first block", async (endpoint) => {
    const [id, genesis, code] = await Promise.all([
      endpoint.call("eth_chainId", []),
      headerAt(endpoint, 0),
      endpoint.call("eth_getCode", [DIDRegistry.address, "latest"]),
    ]);
    // An endpoint of another chain is always ranked last: its penalties never go down.
    if (Number(id) !== deployment.chainId) {
      throw new RpcError("inconsistent", `the node serves chain ${Number(id)}, not ${deployment.chainId}`);
    }
    const known = genesis.hash === deployment.genesisHash;
    if (known && code === "0x") throw new RpcError("behind", "the node does not know the contracts yet");
    return { genesisHash: genesis.hash, known };
  });
  if (!found.known) {
    const problem = `chain ${deployment.chainId} is not the one that the contracts were deployed on`;
    throw new ChainResetError(`${problem}: its first block is another`);
  }
  const start = await source.ask(`block ${first.blockNumber}`, (endpoint) => headerAt(endpoint, first.blockNumber));
  return {
    chainId: deployment.chainId,
    didMethod: deployment.didMethod,
    contracts: {
      DIDRegistry: DIDRegistry.address.toLowerCase(),
      IssuerRegistry: IssuerRegistry.address.toLowerCase(),
    },
    genesisHash: found.genesisHash,
    deployment: { blockNumber: start.number, blockHash: start.hash },
  };
}

/** How an index and a chain differ, as a sentence; null when the index is of this chain. */
export function differenceOf(checkpoint: CheckpointDocument, identity: IndexIdentity): string | null {
  if (checkpoint.chainId !== identity.chainId) {
    return `the index is of chain ${checkpoint.chainId}, the endpoints serve chain ${identity.chainId}`;
  }
  if (checkpoint.genesisHash !== identity.genesisHash) return "the chain was reset: its first block is another";
  if (
    checkpoint.contracts.DIDRegistry !== identity.contracts.DIDRegistry ||
    checkpoint.contracts.IssuerRegistry !== identity.contracts.IssuerRegistry
  ) {
    return "the index is of other contracts than those configured";
  }
  if (checkpoint.deployment.blockHash !== identity.deployment.blockHash) {
    return "the chain was reset: the contracts were deployed in another block";
  }
  return null;
}

/** The error that ends the process when index and chain differ and starting over is not allowed. */
export function resetError(difference: string, fromBlock: number): BootError {
  return new BootError("indexer", [
    {
      subject: "index",
      problem: difference,
      fix: `start over with \`npm run indexer -- reindex --from ${fromBlock}\`, or point RPC_URL at the chain that was indexed`,
    },
  ]);
}

/** The error that ends the process when the contracts were deployed on another chain. */
export function unknownChainError(error: ChainResetError): BootError {
  const fix = "deploy the contracts there with `npm run deploy`, or point RPC_URL at the chain that holds them";
  return new BootError("indexer", [{ subject: "RPC_URL", problem: error.message, fix }]);
}

/** Whether trying again later may help. */
export function isTransient(error: unknown): boolean {
  return error instanceof TransientError || error instanceof RpcError;
}
