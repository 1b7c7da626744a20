import type { Endpoint } from "../rpc/endpoint";
import { headerAt } from "../rpc/headers";
import { RpcError, type RpcErrorKind } from "../rpc/rpcError";
import type { Source } from "../rpc/source";

/** On a chain without a finality of its own, a block under so many others counts as final. */
export const DEFAULT_CONFIRMATIONS = 64;

/** Development chains call every block final, and drop blocks all the same. */
const DEVELOPMENT_CHAIN = /hardhat|anvil|ganache/i;
/** How nodes answer that do not know the tag `finalized`. */
const TAG_NOT_OFFERED: readonly RpcErrorKind[] = ["rejected", "unsupported", "behind"];
/** Finality moves by epochs; asking at every block would double the requests for nothing. */
const BLOCKS_BETWEEN_REQUESTS = 8;

/** Given the number of the newest block, returns that of the last final one; -1 when there is none. */
export type Finality = (headNumber: number) => Promise<number>;

/**
 * Determines how this chain finalizes: by the node's `finalized` tag, or by depth where a depth is configured, the tag is
 * not offered, or the chain is a development chain, whose tag means nothing.
 *
 * @throws TransientError when no endpoint answers
 */
export async function createFinality(source: Source, confirmations: number | undefined): Promise<Finality> {
  const depth = confirmations ?? (await depthWithoutTag(source));
  if (depth !== undefined) return (headNumber) => Promise.resolve(Math.max(-1, headNumber - depth));

  let known = -1;
  let askedAt = -1;
  return async (headNumber) => {
    if (headNumber - askedAt >= BLOCKS_BETWEEN_REQUESTS || headNumber < askedAt) {
      askedAt = headNumber;
      known = (await source.ask("the finalized block", (endpoint) => headerAt(endpoint, "finalized"))).number;
    }
    return Math.min(known, headNumber);
  };
}

/** Whether the node is Hardhat's, whose `hardhat_mine` makes blocks that are not linked. */
export function isHardhat(source: Source): Promise<boolean> {
  return source.ask("the node's name", async (endpoint) => /hardhat/i.test(await clientVersion(endpoint)));
}

/** Undefined where the node's tag tells what is final. */
async function depthWithoutTag(source: Source): Promise<number | undefined> {
  return source.ask("the node's name", async (endpoint) => {
    if (DEVELOPMENT_CHAIN.test(await clientVersion(endpoint))) return DEFAULT_CONFIRMATIONS;
    try {
      await headerAt(endpoint, "finalized");
      return undefined;
    } catch (error) {
      if (error instanceof RpcError && TAG_NOT_OFFERED.includes(error.kind)) return DEFAULT_CONFIRMATIONS;
      throw error;
    }
  });
}

/** The name and version of the node's software; empty where it does not say. */
async function clientVersion(endpoint: Endpoint): Promise<string> {
  return String(await endpoint.call("web3_clientVersion", []).catch(() => ""));
}
