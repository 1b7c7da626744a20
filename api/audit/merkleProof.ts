import { decodeRlp, encodeRlp, keccak256 } from "ethers";

/** Whether a trie holds a value under a key, as a Merkle-Patricia proof shows it. */
export class ProofError extends Error {
  override readonly name = "ProofError";
}

/** A decoded node: 17 items for a branch, 2 for an extension or a leaf. */
type Node = (string | Node)[];

/**
 * Verifies a Merkle-Patricia proof of a secure trie, whose paths are the hashes of its keys: the state's, a contract's
 * storage. As {@link verifyPlainTrieProof} otherwise.
 */
export function verifyTrieProof(rootHash: string, key: string, proof: string[]): string | null {
  return verifyPlainTrieProof(rootHash, keccak256(key), proof);
}

/**
 * Verifies a Merkle-Patricia proof (Ethereum Yellow Paper, appendix D) of a trie whose paths are its keys: a block's
 * receipts.
 *
 * @param rootHash the trie's root, `0x` and 64 hexadecimal digits
 * @param key what is looked for, `0x` and hexadecimal digits
 * @param proof the RLP of the nodes from the root on
 * @returns the encoded value under the key, `0x` and hexadecimal digits; null when the proof shows that there is none
 * @throws ProofError when the proof shows neither
 */
export function verifyPlainTrieProof(rootHash: string, key: string, proof: string[]): string | null {
  // An empty trie is proved by its root alone.
  if (proof.length === 0) {
    if (rootHash === keccak256(encodeRlp("0x"))) return null;
    throw new ProofError("the proof has no nodes, yet the trie is not empty");
  }
  const path = nibblesOf(key);
  let depth = 0;
  let reference: string | Node = rootHash;
  for (let used = 0; ;) {
    let node: Node;
    if (typeof reference === "string") {
      const encoded = proof[used];
      if (encoded === undefined) throw new ProofError("the proof ends before the key's path does");
      if (keccak256(encoded) !== reference) throw new ProofError(`node ${used} is not the one its parent names`);
      node = asNode(decodeRlp(encoded));
      used += 1;
    } else {
      // A node shorter than a hash stands within its parent.
      node = reference;
    }
    const step = descend(node, path, depth);
    if ("value" in step) {
      if (used !== proof.length) throw new ProofError("the proof has nodes beyond the key's path");
      return step.value;
    }
    reference = step.child;
    depth = step.depth;
  }
}

function descend(
  node: Node,
  path: number[],
  depth: number,
): { value: string | null } | { child: string | Node; depth: number } {
  if (node.length === 17) {
    if (depth === path.length) return { value: asValue(node[16]) };
    const child = node[path[depth] ?? 16];
    return child === "0x" || child === undefined ? { value: null } : { child, depth: depth + 1 };
  }
  const [encodedPath, content] = node;
  if (node.length !== 2 || typeof encodedPath !== "string" || content === undefined)
    throw new ProofError("a node has an unknown form");
  const { isLeaf, nibbles } = decodePath(encodedPath);
  const fits = nibbles.every((nibble, offset) => path[depth + offset] === nibble);
  const next = depth + nibbles.length;
  if (isLeaf) return { value: fits && next === path.length ? asValue(content) : null };
  return fits ? { child: content, depth: next } : { value: null };
}

/** Hex-prefix encoding (Yellow Paper, appendix C). */
function decodePath(encoded: string): { isLeaf: boolean; nibbles: number[] } {
  const [flag = -1, second = 0, ...rest] = nibblesOf(encoded);
  if (flag < 0 || flag > 3) throw new ProofError("a node's path has an unknown form");
  return { isLeaf: flag >= 2, nibbles: flag % 2 === 1 ? [second, ...rest] : rest };
}

/** The digits of `0x` and hexadecimal digits. */
export function nibblesOf(hex: string): number[] {
  return Array.from(hex.slice(2), (digit) => Number.parseInt(digit, 16));
}

function asNode(decoded: unknown): Node {
  if (Array.isArray(decoded)) return decoded as Node;
  throw new ProofError("a node is not a list");
}

function asValue(item: string | Node | undefined): string | null {
  if (item === undefined || typeof item !== "string") throw new ProofError("a value is not a string of bytes");
  return item === "0x" ? null : item;
}
