import { zeroPadValue } from "ethers";
import { type RawLog, parseLogs, quantity } from "../rpc/block";
import { type Endpoint, grownRange } from "../rpc/endpoint";
import { isRangeTooLarge } from "../rpc/rpcError";

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
      const found = await logsWhere(endpoint, { fromBlock: quantity(at), toBlock: quantity(until) }, addresses);
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

/** The logs of one block, by its hash: a node on another branch cannot answer (EIP-234). @throws RpcError */
export function logsOfBlock(endpoint: Endpoint, blockHash: string, addresses: string[]): Promise<RawLog[]> {
  return logsWhere(endpoint, { blockHash }, addresses);
}

/** The logs about a subject, which is every event's first indexed argument. @throws RpcError */
export async function logsAbout(
  endpoint: Endpoint,
  addresses: string[],
  subject: string,
  { from, to }: { from: number; to: number },
): Promise<RawLog[]> {
  const where = { topics: [null, topicOf(subject)], fromBlock: quantity(from), toBlock: quantity(to) };
  try {
    return await logsWhere(endpoint, where, addresses);
  } catch (error) {
    if (!isRangeTooLarge(error) || from === to) throw error;
    const middle = Math.floor((from + to) / 2);
    const lower = await logsAbout(endpoint, addresses, subject, { from, to: middle });
    return [...lower, ...(await logsAbout(endpoint, addresses, subject, { from: middle + 1, to }))];
  }
}

/** An address as a topic: 32 bytes, `0x` and 64 hexadecimal digits (Solidity, "Events" in the ABI specification). */
export function topicOf(address: string): string {
  return zeroPadValue(address, 32);
}

async function logsWhere(endpoint: Endpoint, where: object, addresses: string[]): Promise<RawLog[]> {
  return parseLogs(await endpoint.call("eth_getLogs", [{ ...where, address: addresses }]));
}
