import type { RegistryName } from "../../chain/registry/events";
import type { IncompleteBlock } from "../../projection/models";
import { type Header, type RawLog, parseLogs, quantity } from "../rpc/block";
import { type Blooms, isEmptyBloom, loadBlooms } from "./bloom";
import { type Endpoint, grownRange } from "../rpc/endpoint";
import { requireLinked } from "./links";
import { logsByReceipts } from "./receipts";
import { isRangeTooLarge, RpcError } from "../rpc/rpcError";
import { headersAt } from "../rpc/headers";

/** The contracts whose logs are fetched: their names by address in lower case. */
export type Contracts = ReadonlyMap<string, RegistryName>;

/** Consecutive blocks and all logs of the contracts in them, checked against each other. */
export interface BlockRange {
  headers: Header[];
  /** In the order of the chain. */
  logs: RawLog[];
  /** How many logs the node had left out of its first answer. */
  repaired: number;
}

export interface FetchOptions {
  contracts: Contracts;
  /** Compare each block's bloom filter with the logs received; only a benchmark leaves this out. */
  verify?: boolean;
  /** The node makes blocks that are not linked; see {@link requireLinked}. */
  unlinked?: boolean;
  /** Told of a block whose logs nothing proves complete; without it, such a block is an RpcError. */
  tolerate?: (block: IncompleteBlock) => void;
}

/**
 * Fetches the blocks `from` to `to` from one endpoint and believes nothing that can be checked: headers must link,
 * logs must be of these very blocks, and each block's bloom filter must be that of the logs received. Where other
 * contracts' logs make the filter inconclusive, the block's receipts are counted.
 *
 * @throws RpcError `behind` when the node does not know all of these blocks, `inconsistent` when its answers contradict
 *   each other, and the faults of the requests themselves
 */
export async function fetchRange(
  endpoint: Endpoint,
  from: number,
  to: number,
  options: FetchOptions,
): Promise<BlockRange> {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const [headers, logs] = await Promise.all([
    headersAt(endpoint, numbers),
    logsBetween(endpoint, from, to, [...options.contracts.keys()]),
  ]);
  return checkRange(endpoint, headers, logs, options);
}

/**
 * Checks headers and logs against each other; see {@link fetchRange}.
 *
 * @throws RpcError `inconsistent`
 */
export async function checkRange(
  endpoint: Endpoint,
  headers: Header[],
  { logs, unanswered }: FetchedLogs,
  { contracts, verify = true, tolerate, unlinked = false }: FetchOptions,
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
      if (!(error instanceof RpcError) || !tolerate) throw error;
      tolerate({ number: header.number, hash: header.hash, reason: error.message });
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
 * topics set the same bits, so that one could stand in for the other: then only the receipts can tell.
 */
function isComplete(blooms: Blooms, header: Header, received: RawLog[], contracts: Contracts): boolean {
  if (received.length > 0) {
    const kinds = new Set(received.map(({ address, topics }) => address + topics.join()));
    return kinds.size === received.length && blooms.of(received) === header.logsBloom;
  }
  if (isEmptyBloom(header.logsBloom)) return true;
  return ![...contracts.keys()].some((address) => blooms.mayHold(header.logsBloom, address));
}

function groupByBlock(logs: RawLog[], headers: Header[]): Map<string, RawLog[]> {
  const byHash = new Map<string, { header: Header; logs: Map<string, RawLog> }>();
  for (const header of headers) byHash.set(header.hash, { header, logs: new Map() });
  for (const log of logs) {
    const block = byHash.get(log.blockHash);
    if (block?.header.number !== Number.parseInt(log.blockNumber, 16) || log.removed === true) {
      throw new RpcError(
        "inconsistent",
        `a log of block ${Number(log.blockNumber)} is of another chain than the block`,
      );
    }
    const twin = block.logs.get(log.logIndex);
    if (twin && !sameLog(twin, log)) {
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

function sameLog(a: RawLog, b: RawLog): boolean {
  return a.address === b.address && a.data === b.data && a.topics.join() === b.topics.join();
}

/** Logs of a range of blocks, and the blocks whose logs the node would not give in one answer. */
export interface FetchedLogs {
  logs: RawLog[];
  unanswered: ReadonlySet<number>;
}

/**
 * The logs of some contracts between two blocks, both included. What the node finds too large, or takes too long for,
 * is halved down to single blocks; one that is still too large is left to its receipts.
 *
 * @throws RpcError
 */
export async function logsBetween(
  endpoint: Endpoint,
  from: number,
  to: number,
  addresses: string[],
): Promise<FetchedLogs> {
  const logs: RawLog[] = [];
  const unanswered = new Set<number>();
  let at = from;
  while (at <= to) {
    const until = Math.min(to, at + endpoint.logRange - 1);
    try {
      const found = await logsAt(endpoint, { fromBlock: quantity(at), toBlock: quantity(until) }, addresses);
      for (const log of found) logs.push(log);
      if (until - at + 1 >= endpoint.logRange) endpoint.logRange = grownRange(endpoint.logRange);
      at = until + 1;
    } catch (error) {
      if (!isRangeTooLarge(error)) throw error;
      if (until === at) unanswered.add(at++);
      else endpoint.logRange = Math.max(1, Math.floor((until - at + 1) / 2));
    }
  }
  return { logs, unanswered };
}

async function logsAt(endpoint: Endpoint, where: object, addresses: string[]): Promise<RawLog[]> {
  return parseLogs(await endpoint.call("eth_getLogs", [{ ...where, address: addresses }]));
}

/** The logs of one block, by its hash: a node on another branch cannot answer (EIP-234). @throws RpcError */
export function logsOfBlock(endpoint: Endpoint, blockHash: string, addresses: string[]): Promise<RawLog[]> {
  return logsAt(endpoint, { blockHash }, addresses);
}
