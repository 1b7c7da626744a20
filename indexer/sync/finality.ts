import { RpcError } from "../rpc/rpcError";
import { headerAt } from "../rpc/headers";
import type { Source } from "../rpc/source";

/** On a chain without a finality of its own, a block under so many others counts as final. */
export const DEFAULT_CONFIRMATIONS = 64;

/** Development chains call every block final and rewind all the same. */
const DEVELOPMENT_CHAIN = /hardhat|anvil|ganache/i;

/** Tells up to which number blocks are final, given the newest. */
export type Finality = (headNumber: number) => Promise<number>;

/**
 * Finds out how this chain finalizes: by the node's `finalized` tag, or by depth where a depth is configured, the tag is
 * not offered, or the chain is a development chain, whose tag means nothing.
 */
export async function createFinality(source: Source, confirmations: number | undefined): Promise<Finality> {
  const depth = confirmations ?? (await depthForWantOfTag(source));
  if (depth !== undefined) return (headNumber) => Promise.resolve(Math.max(-1, headNumber - depth));

  let known = -1;
  let askedAt = -1;
  return async (headNumber) => {
    // Finality moves by epochs; asking at every block would double the requests for nothing.
    if (headNumber - askedAt >= 8 || headNumber < askedAt) {
      askedAt = headNumber;
      known = (await source.ask("the finalized block", (endpoint) => headerAt(endpoint, "finalized"))).number;
    }
    return Math.min(known, headNumber);
  };
}

/** Whether the node is Hardhat's, whose `hardhat_mine` makes blocks that are not linked. */
export function isHardhat(source: Source): Promise<boolean> {
  return source.ask("the node's name", async (endpoint) => {
    const name = await endpoint.call("web3_clientVersion", []).catch(() => "");
    return /hardhat/i.test(String(name));
  });
}

async function depthForWantOfTag(source: Source): Promise<number | undefined> {
  return source.ask("the node's name", async (endpoint) => {
    const name = await endpoint.call("web3_clientVersion", []).catch(() => "");
    if (DEVELOPMENT_CHAIN.test(String(name))) return DEFAULT_CONFIRMATIONS;
    try {
      await headerAt(endpoint, "finalized");
      return undefined;
    } catch (error) {
      const unknown = error instanceof RpcError && ["rejected", "unsupported", "behind"].includes(error.kind);
      if (unknown) return DEFAULT_CONFIRMATIONS;
      throw error;
    }
  });
}
