import type { EIP1193Provider } from "hardhat/types";

/** A block as `eth_getBlockByNumber` gives it, the fields in use here. */
export interface RpcBlock {
  number: string;
  hash: string;
  timestamp: string;
  mixHash: string;
  transactions: RpcTransaction[];
}

/** A transaction as the node gives it: quantities are hexadecimal texts. */
export type RpcTransaction = Record<string, unknown> & { hash: string; type: string };

/** Puts one question to the node. */
export function ask<T>(node: EIP1193Provider, method: string, ...params: unknown[]): Promise<T> {
  return node.request({ method, params }) as Promise<T>;
}

/** A block with its transactions. */
export function getBlock(node: EIP1193Provider, block: number | "latest" | "pending"): Promise<RpcBlock> {
  return ask(node, "eth_getBlockByNumber", typeof block === "number" ? toQuantity(block) : block, true);
}

/** A JSON-RPC quantity. */
export function toQuantity(value: number): string {
  return `0x${value.toString(16)}`;
}

/**
 * Moves the chain's clock forward to a time, never back.
 *
 * @param seconds the Unix time the next block would carry if it were mined now
 */
export async function advanceClock(node: EIP1193Provider, seconds: number): Promise<void> {
  const pending = Number((await getBlock(node, "pending")).timestamp);
  if (seconds > pending) await ask(node, "evm_increaseTime", seconds - pending);
}
