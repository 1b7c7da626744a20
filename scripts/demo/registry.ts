import { JsonRpcProvider } from "ethers";
import { type DIDRegistry, DIDRegistry__factory } from "../../typechain-types";
import type { DemoTarget } from "./demo";

/** Asks the chain itself, past API and index; closes the connection afterwards. */
export async function withRegistry<T>(
  { rpcUrl, chainId, didRegistryAddress }: DemoTarget,
  ask: (registry: DIDRegistry, provider: JsonRpcProvider) => Promise<T>,
): Promise<T> {
  const provider = new JsonRpcProvider(rpcUrl, chainId, { staticNetwork: true });
  try {
    return await ask(DIDRegistry__factory.connect(didRegistryAddress, provider), provider);
  } finally {
    provider.destroy();
  }
}
