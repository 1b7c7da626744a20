import type { Header, RawLog } from "../rpc/block";
import type { Endpoint } from "../rpc/endpoint";
import { RpcError } from "../rpc/rpcError";
import { type Blooms, isEmptyBloom, loadBlooms } from "./bloom";
import type { BlockRange, Contracts, FetchOptions } from "./blockRange";
import { requireLinked } from "./links";
import type { FetchedLogs } from "./logs";
import { logsByReceipts } from "./receipts";

/**
 * Checks headers and logs against each other: headers must link, logs must be of these very blocks, and each block's
 * bloom filter must be that of its logs. Where the filter does not tell, the logs are taken from the block's receipts.
 *
 * @throws RpcError `inconsistent`
 */
export async function checkRange(
  endpoint: Endpoint,
  headers: Header[],
  { logs, unanswered }: FetchedLogs,
  { contracts, verify = true, onIncomplete, unlinked = false }: FetchOptions,
): Promise<BlockRange> {
  await requireLinked(endpoint, headers, unlinked);
  const byBlock = groupByBlock(logs, headers);
  if (!verify) return { headers, logs: [...byBlock.values()].flat(), repaired: 0 };

  const blooms = await loadBlooms();
  let repaired = 0;
  for (const header of headers) {
    const received = byBlock.get(header.hash) ?? [];
    if (!unanswered.has(header.number) && isComplete(blooms, header, received, contracts)) continue;
    try {
      const complete = await completeLogs(endpoint, header, received, contracts);
      if (!unanswered.has(header.number)) repaired += complete.length - received.length;
      byBlock.set(header.hash, complete);
    } catch (error) {
      if (!(error instanceof RpcError) || !onIncomplete) throw error;
      onIncomplete({ number: header.number, hash: header.hash, reason: error.message });
    }
  }
  return { headers, logs: headers.flatMap(({ hash }) => byBlock.get(hash) ?? []), repaired };
}

/** The logs that a block's receipts have, which must include those received. */
async function completeLogs(
  endpoint: Endpoint,
  header: Header,
  received: RawLog[],
  contracts: Contracts,
): Promise<RawLog[]> {
  const complete = await logsByReceipts(endpoint, header, contracts);
  const known = new Set(complete.map(({ logIndex }) => logIndex));
  if (received.some(({ logIndex }) => !known.has(logIndex))) {
    throw new RpcError("inconsistent", `block ${header.number}: a log that no receipt of the block has`);
  }
  return complete;
}

/**
 * Whether the filter alone proves that no log is missing from what was received, and none invented. Logs with the same
 * topics set the same bits, so that one could replace the other unnoticed: then only the receipts can tell.
 */
function isComplete(blooms: Blooms, header: Header, received: RawLog[], contracts: Contracts): boolean {
  if (received.length > 0) {
    const entries = new Set(received.map(({ address, topics }) => address + topics.join()));
    return entries.size === received.length && blooms.of(received) === header.logsBloom;
  }
  if (isEmptyBloom(header.logsBloom)) return true;
  return ![...contracts.keys()].some((address) => blooms.mayContain(header.logsBloom, address));
}

/** The logs by their block's hash, in the order of the chain and without duplicates. @throws RpcError `inconsistent` */
function groupByBlock(logs: RawLog[], headers: Header[]): Map<string, RawLog[]> {
  const byHash = new Map<string, { header: Header; logs: Map<string, RawLog> }>();
  for (const header of headers) byHash.set(header.hash, { header, logs: new Map() });
  for (const log of logs) {
    const block = byHash.get(log.blockHash);
    if (block?.header.number !== Number.parseInt(log.blockNumber, 16) || log.removed === true) {
      const message = `a log of block ${Number(log.blockNumber)} is of another chain than the block`;
      throw new RpcError("inconsistent", message);
    }
    const present = block.logs.get(log.logIndex);
    if (present && !isSameLog(present, log)) {
      throw new RpcError("inconsistent", `block ${block.header.number} has two logs with the index ${log.logIndex}`);
    }
    block.logs.set(log.logIndex, log);
  }
  const grouped = new Map<string, RawLog[]>();
  for (const [hash, block] of byHash) {
    if (block.logs.size > 0) grouped.set(hash, inOrder([...block.logs.values()]));
  }
  return grouped;
}

function inOrder(logs: RawLog[]): RawLog[] {
  return logs.sort((a, b) => Number(a.logIndex) - Number(b.logIndex));
}

function isSameLog(a: RawLog, b: RawLog): boolean {
  return a.address === b.address && a.data === b.data && a.topics.join() === b.topics.join();
}
