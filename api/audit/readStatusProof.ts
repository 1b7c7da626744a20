import type { Chain } from "../../chain/client";
import { TransientError } from "../../core/errors";
import type { Freshness } from "../../projection/freshness";
import { statusSlots } from "../../chain/registry/storageSlots";
import { encodeHeader, hashHeader, type RpcHeader } from "./blockHeader";
import type { StatusProof } from "./statusProof";

/** The answer to `eth_getProof` (EIP-1186), as far as it is used. */
interface ProofAnswer {
  accountProof: string[];
  storageProof: { value: string; proof: string[] }[];
}

/**
 * Asks the node for the storage proof of both words of a credential.
 *
 * @param at the block of whose state it is
 * @returns null where the node keeps no state so old, does not prove, or has another block at this height
 * @throws TransientError when the chain does not answer
 */
export async function readStatusProof(
  chain: Pick<Chain, "provider" | "deployment">,
  { credId, at: { blockNumber, blockHash } }: { credId: string; at: Pick<Freshness, "blockNumber" | "blockHash"> },
): Promise<StatusProof | null> {
  const { address } = chain.deployment.contracts.DIDRegistry;
  const slots = statusSlots(credId);
  const [answer, block] = await askNode(chain, { address, slots: [slots.revocation, slots.suspension], blockNumber });
  if (answer === null || block === null || block["hash"] !== blockHash) return null;
  const header = encodeHeader(block);
  // A chain whose headers have other fields: no proof rather than one that does not hold.
  if (hashHeader(header) !== blockHash) return null;
  const [revocation, suspension] = answer.storageProof;
  if (revocation === undefined || suspension === undefined) return null;
  return {
    block: { number: blockNumber, hash: blockHash },
    header,
    address: address.toLowerCase(),
    accountProof: answer.accountProof,
    storage: [
      { purpose: "revocation", slot: slots.revocation, value: revocation.value, proof: revocation.proof },
      { purpose: "suspension", slot: slots.suspension, value: suspension.value, proof: suspension.proof },
    ],
  };
}

async function askNode(
  { provider }: Pick<Chain, "provider">,
  { address, slots, blockNumber }: { address: string; slots: string[]; blockNumber: number },
): Promise<[ProofAnswer | null, RpcHeader | null]> {
  const tag = `0x${blockNumber.toString(16)}`;
  try {
    return (await Promise.all([
      provider.send("eth_getProof", [address, slots, tag]),
      provider.send("eth_getBlockByNumber", [tag, false]),
    ])) as [ProofAnswer | null, RpcHeader | null];
  } catch (error) {
    if (error instanceof TransientError) throw error;
    // Nodes without old states, or without this method, reject the question.
    return [null, null];
  }
}
