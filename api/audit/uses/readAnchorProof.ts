import type { Chain } from "../../../chain/client";
import { readAnchoredDigest } from "../../../chain/registry/digestAnchor";
import { TransientError } from "../../../core/errors";
import { encodeHeader, hashHeader, type RpcHeader } from "../blockHeader";
import { encodeReceipt, proveReceipt, type RpcReceipt } from "./receiptTrie";
import type { BatchAnchor } from "./rules";
import type { AnchorProof } from "./useProof";

/** A receipt as a node answers it, with what names its transaction. */
interface NamedReceipt extends RpcReceipt {
  transactionHash: string;
  transactionIndex: string;
}

/**
 * Asks the node for the receipts of a block, and proves the one with the event of an anchored digest.
 *
 * @returns null where the node has another block at this height, or its receipts are not what the block commits to, as on
 * chains whose receipts have fields of their own
 * @throws TransientError when the chain does not answer
 */
export async function readAnchorProof(
  { provider, deployment }: Pick<Chain, "provider" | "deployment">,
  { digest, anchor }: { digest: string; anchor: BatchAnchor },
): Promise<AnchorProof | null> {
  const { blockNumber, blockHash, transactionHash } = anchor;
  const registry = deployment.contracts.DIDRegistry.address.toLowerCase();
  const tag = `0x${blockNumber.toString(16)}`;
  const block = (await provider.send("eth_getBlockByNumber", [tag, false])) as
    (RpcHeader & { transactions: string[] }) | null;
  if (block === null || block["hash"] !== blockHash) return null;
  const header = encodeHeader(block);
  if (hashHeader(header) !== blockHash) return null;
  const receipts = await readReceipts(provider, tag, block.transactions);
  const own = receipts?.find((receipt) => receipt.transactionHash === transactionHash);
  if (receipts === null || own === undefined) return null;
  const logIndex = own.logs.findIndex(
    (log) => log.address.toLowerCase() === registry && readAnchoredDigest(log)?.digest === digest,
  );
  const transactionIndex = Number(own.transactionIndex);
  const { root, proof } = proveReceipt(receipts.map(encodeReceipt), transactionIndex);
  if (logIndex < 0 || root !== block["receiptsRoot"]) return null;
  return {
    block: { number: blockNumber, hash: blockHash },
    header,
    transactionIndex,
    logIndex,
    receiptProof: proof,
  };
}

/** All receipts of a block in their order: at once, or one by one where the node does not offer that. */
async function readReceipts(
  provider: Chain["provider"],
  tag: string,
  transactions: string[],
): Promise<NamedReceipt[] | null> {
  const receipts = await readBlockReceipts(provider, tag);
  if (receipts?.length === transactions.length) return receipts;
  const single = await Promise.all(
    transactions.map((hash) => provider.send("eth_getTransactionReceipt", [hash]) as Promise<NamedReceipt | null>),
  );
  return single.every((receipt) => receipt !== null) ? single : null;
}

async function readBlockReceipts(provider: Chain["provider"], tag: string): Promise<NamedReceipt[] | null> {
  try {
    return (await provider.send("eth_getBlockReceipts", [tag])) as NamedReceipt[] | null;
  } catch (error) {
    if (error instanceof TransientError) throw error;
    // Nodes without this method reject the question.
    return null;
  }
}
