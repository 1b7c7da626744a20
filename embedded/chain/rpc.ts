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
 * Moves the chain's clock forward to a time, never back and at most a second too far.
 *
 * @param seconds the Unix time the clock must show at least
 */
export async function advanceClock(node: EIP1193Provider, seconds: number): Promise<void> {
  const timestampOf = async (block: "latest" | "pending") => Number((await getBlock(node, block)).timestamp);
  const latest = await timestampOf("latest");
  if (seconds <= latest) return;
  // A pending block is a second later than the latest even where the clock still shows the latest's time.
  if ((await timestampOf("pending")) === latest + 1) await ask(node, "evm_increaseTime", 1);
  const missing = seconds - (await timestampOf("pending"));
  if (missing > 0) await ask(node, "evm_increaseTime", missing);
}
