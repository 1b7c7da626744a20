import { concat, encodeRlp, keccak256, toBeHex } from "ethers";
import { minimalQuantity } from "../blockHeader";
import { nibblesOf } from "../merkleProof";

/** A transaction's receipt as a node answers it (execution API), as far as its block commits to it. */
export interface RpcReceipt {
  type?: string;
  status?: string;
  /** Before Byzantium, instead of the status. */
  root?: string;
  cumulativeGasUsed: string;
  logsBloom: string;
  logs: { address: string; topics: string[]; data: string }[];
}

/** A receipt as its block commits to it (EIP-658, EIP-2718), `0x` and hexadecimal digits. */
export function encodeReceipt({ type = "0x0", status, root, cumulativeGasUsed, logsBloom, logs }: RpcReceipt): string {
  const outcome = root ?? minimalQuantity(status ?? "0x0");
  const body = encodeRlp([
    outcome,
    minimalQuantity(cumulativeGasUsed),
    logsBloom,
    logs.map(({ address, topics, data }) => [address, topics, data]),
  ]);
  return BigInt(type) === 0n ? body : concat([toBeHex(type), body]);
}

/** The key of a transaction in the tries of its block. */
export function receiptKey(transactionIndex: number): string {
  return encodeRlp(minimalQuantity(toBeHex(transactionIndex)));
}

interface Entry {
  path: number[];
  value: string;
}

/**
 * The root of the trie of a block's receipts (Yellow Paper, appendix D), with the nodes that lead to one of them.
 *
 * @param receipts encoded, in the order of their transactions; at least one
 * @returns `proof`: the RLP of the nodes from the root on
 */
export function proveReceipt(receipts: string[], transactionIndex: number): { root: string; proof: string[] } {
  const entries = receipts.map((value, index) => ({ path: nibblesOf(receiptKey(index)), value }));
  const target = entries[transactionIndex];
  if (target === undefined) throw new RangeError(`a block of ${receipts.length} receipts has none ${transactionIndex}`);
  const proof: string[] = [];

  /** The hash of the node of all entries below: those of receipts are never so short that they stand in their parent. */
  function hashOf(below: Entry[], depth: number): string {
    const encoded = encodeRlp(nodeOf(below, depth));
    // Children come before their parent.
    if (below.includes(target as Entry)) proof.unshift(encoded);
    return keccak256(encoded);
  }

  function nodeOf(below: Entry[], depth: number): string[] {
    const { path, value } = below[0] as Entry;
    if (below.length === 1) return [encodePath(path.slice(depth), true), value];
    let shared = depth;
    while (below.every((entry) => entry.path[shared] === path[shared])) shared += 1;
    if (shared > depth) return [encodePath(path.slice(depth, shared), false), hashOf(below, shared)];
    const children = Array.from({ length: 16 }, (_, nibble) => {
      const entriesOfChild = below.filter((entry) => entry.path[depth] === nibble);
      return entriesOfChild.length === 0 ? "0x" : hashOf(entriesOfChild, depth + 1);
    });
    // No key of a transaction begins with another's, so a branch has no value.
    return [...children, "0x"];
  }

  return { root: hashOf(entries, 0), proof };
}

/** Hex-prefix encoding (Yellow Paper, appendix C). */
function encodePath(nibbles: number[], isLeaf: boolean): string {
  const flag = (isLeaf ? 2 : 0) + (nibbles.length % 2);
  const digits = nibbles.length % 2 === 1 ? [flag, ...nibbles] : [flag, 0, ...nibbles];
  return `0x${digits.map((digit) => digit.toString(16)).join("")}`;
}
