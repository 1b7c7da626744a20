import { existsSync, readFileSync } from "node:fs";
import { deploymentPath } from "../../chain/deployment";
import { createProvider } from "../../chain/provider";
import { DEVELOPMENT_CHAIN_ID } from "../../core/config/chain";

/**
 * Whether a development chain is another than the one this data was made with: it was restarted without its data, here or
 * behind `RPC_URL`. On any other chain a differing first block is a mistake that the processes report.
 */
export async function wasChainReset({
  rpcUrl,
  chainId,
  deploymentsDir,
}: {
  rpcUrl: string;
  chainId: number;
  deploymentsDir: string;
}): Promise<boolean> {
  const path = deploymentPath(deploymentsDir, chainId);
  if (chainId !== DEVELOPMENT_CHAIN_ID || !existsSync(path)) return false;
  const { genesisHash } = JSON.parse(readFileSync(path, "utf8")) as { genesisHash?: string };
  const provider = createProvider([rpcUrl], chainId);
  try {
    const genesis = await provider.getBlock(0);
    return genesis !== null && genesis.hash !== genesisHash;
  } finally {
    provider.destroy();
  }
}
