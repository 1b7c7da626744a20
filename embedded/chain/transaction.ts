import type { RpcTransaction } from "./rpc";

/** The fee fields of each type of transaction; by them the node decides on the type. */
const PRICES: Record<string, string[]> = {
  "0x0": ["gasPrice"],
  "0x1": ["gasPrice", "accessList"],
  "0x2": ["maxFeePerGas", "maxPriorityFeePerGas", "accessList"],
  "0x4": ["maxFeePerGas", "maxPriorityFeePerGas", "accessList", "authorizationList"],
};

/**
 * The arguments of an `eth_sendTransaction` that make the node build the very same transaction again: it signs
 * deterministically (RFC 6979), and impersonated senders get a signature made of their address.
 *
 * @throws Error for a type the node does not build itself (blobs)
 */
export function sendArguments(transaction: RpcTransaction): Record<string, unknown> {
  const prices = PRICES[transaction.type];
  if (prices === undefined)
    throw new Error(`Transaction ${transaction.hash} has type ${transaction.type}, which a node does not sign.`);
  const { from, to, gas, value, nonce, input } = transaction;
  const priced = Object.fromEntries(prices.map((name) => [name, transaction[name]]));
  return { from, ...(to === null ? {} : { to }), gas, value, nonce, data: input, ...priced };
}
