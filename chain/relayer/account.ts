import type { RelayerDeps } from "./deps";
import type { Account } from "./transaction";

/** The relayer's account on the chain, and its next nonce by the latest block. */
export interface AccountOnChain {
  account: Account;
  chainNonce: number;
}

/**
 * Asks the chain which one it is and which nonces it has used.
 *
 * @throws TransientError `rpc.unreachable`
 */
export async function readAccount(deps: Pick<RelayerDeps, "provider" | "chainId" | "signer">): Promise<AccountOnChain> {
  const { provider, chainId, signer } = deps;
  const [genesis, chainNonce] = await Promise.all([
    provider.send("eth_getBlockByNumber", ["0x0", false]) as Promise<{ hash: string }>,
    provider.getTransactionCount(signer.address, "latest"),
  ]);
  return { account: { scope: `${chainId}:${genesis.hash}`, relayer: signer.address }, chainNonce };
}
