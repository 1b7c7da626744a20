import type { RegistryName } from "../../chain/registry/events";
import { type Header, type RawLog, parseLogs } from "../rpc/block";
import type { Endpoint } from "../rpc/endpoint";
import { RpcError, type RpcErrorKind } from "../rpc/rpcError";
import { isEmptyBloom, unionOf } from "./bloom";

interface Receipt {
  blockHash: string;
  logsBloom: string;
  logs: RawLog[];
}

/** How nodes answer that do not offer `eth_getBlockReceipts`. */
const NOT_OFFERED: readonly RpcErrorKind[] = ["unsupported", "rejected", "http"];

/**
 * All logs that some contracts emitted in a block, out of the receipts of its transactions. The receipts' bloom filters
 * must add up to the header's, so that a receipt that is left out is noticed too.
 *
 * @throws RpcError `inconsistent` when the receipts are not all of this block
 */
export async function logsByReceipts(
  endpoint: Endpoint,
  header: Header,
  contracts: ReadonlyMap<string, RegistryName>,
): Promise<RawLog[]> {
  const receipts = await receiptsOf(endpoint, header);
  if (receipts.some(({ blockHash }) => blockHash !== header.hash)) {
    throw new RpcError("inconsistent", `a receipt of block ${header.number} is of another`);
  }
  const union = unionOf(receipts.map(({ logsBloom }) => logsBloom));
  // Some chains leave their headers' filters empty: there is nothing to compare the receipts with.
  if (union !== header.logsBloom && !isEmptyBloom(header.logsBloom)) {
    throw new RpcError("inconsistent", `the receipts of block ${header.number} do not add up to its bloom filter`);
  }
  const logs = receipts.flatMap((receipt) => parseLogs(receipt.logs));
  return logs.filter(({ address }) => contracts.has(address));
}

async function receiptsOf(endpoint: Endpoint, header: Header): Promise<Receipt[]> {
  try {
    const answer = await endpoint.call("eth_getBlockReceipts", [header.hash]);
    if (Array.isArray(answer)) return answer.map(parseReceipt);
  } catch (error) {
    if (!(error instanceof RpcError) || !NOT_OFFERED.includes(error.kind)) throw error;
  }
  const transactions = header.transactions ?? (await transactionsOf(endpoint, header));
  const calls = transactions.map((hash) => ({ method: "eth_getTransactionReceipt", params: [hash] }));
  return (await endpoint.callAll(calls)).map(parseReceipt);
}

async function transactionsOf(endpoint: Endpoint, header: Header): Promise<string[]> {
  const answer = await endpoint.call("eth_getBlockByHash", [header.hash, false]);
  if (answer === null) throw new RpcError("behind", `the node no longer knows block ${header.number}`);
  const { transactions } = answer as { transactions?: unknown };
  if (!Array.isArray(transactions)) throw new RpcError("malformed", "the node's block has no list of transactions");
  return transactions.map(String);
}

function parseReceipt(answer: unknown): Receipt {
  if (answer === null) throw new RpcError("behind", "the node does not know a receipt");
  const { blockHash, logsBloom, logs } = answer as Record<string, unknown>;
  if (typeof blockHash !== "string" || typeof logsBloom !== "string" || !Array.isArray(logs)) {
    throw new RpcError("malformed", "a receipt lacks its block, bloom filter or logs");
  }
  return { blockHash, logsBloom, logs: logs as RawLog[] };
}
