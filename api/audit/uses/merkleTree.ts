import { sha256 } from "../../../core/hash";
import { ProofError } from "../merkleProof";

/**
 * The Merkle tree of RFC 9162 §2.1 over SHA-256. Leaves and nodes are hashed with different first bytes, so that no node
 * can be passed off as a leaf (a second preimage).
 */

const LEAF = Buffer.of(0x00);
const NODE = Buffer.of(0x01);

/** The hash of a leaf: SHA-256 of a zero byte and its data. */
export function hashLeaf(data: Uint8Array): Buffer {
  return sha256(Buffer.concat([LEAF, data]));
}

/**
 * The root of a tree (§2.1.1).
 *
 * @param leaves the hashes of its leaves, at least one
 * @throws RangeError without any
 */
export function rootOf(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (first === undefined) throw new RangeError("a tree without leaves has no root");
  if (leaves.length === 1) return first;
  const split = splitOf(leaves.length);
  return hashNode(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

/**
 * The inclusion proof of a leaf (§2.1.3.1): the roots of the subtrees beside its way to the root, the nearest first.
 *
 * @throws RangeError when there is no such leaf
 */
export function pathOf(leaves: readonly Buffer[], index: number): Buffer[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length)
    throw new RangeError(`a tree of ${leaves.length} leaves has no leaf ${index}`);
  if (leaves.length === 1) return [];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split ? [...pathOf(left, index), rootOf(right)] : [...pathOf(right, index - split), rootOf(left)];
}

/** Where a leaf is in a tree, with its inclusion proof. */
export interface LeafPlace {
  /** From 0. */
  index: number;
  /** Leaves of the tree. */
  size: number;
  path: readonly Buffer[];
}

/**
 * The root to which an inclusion proof leads (§2.1.3.2).
 *
 * @throws ProofError when there is no such leaf in a tree of this size, or the path is not as long as its way
 */
export function rootByPath(leaf: Buffer, { index, size, path }: LeafPlace): Buffer {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new ProofError("a tree of that size has no leaf at that index");
  if (size === 1) {
    if (path.length > 0) throw new ProofError("the path is longer than the way to the root");
    return leaf;
  }
  const sibling = path.at(-1);
  if (sibling === undefined) throw new ProofError("the path is shorter than the way to the root");
  const split = splitOf(size);
  const rest = path.slice(0, -1);
  return index < split
    ? hashNode(rootByPath(leaf, { index, size: split, path: rest }), sibling)
    : hashNode(sibling, rootByPath(leaf, { index: index - split, size: size - split, path: rest }));
}

function hashNode(left: Buffer, right: Buffer): Buffer {
  return sha256(Buffer.concat([NODE, left, right]));
}

/** The largest power of two smaller than a size of at least two. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}
