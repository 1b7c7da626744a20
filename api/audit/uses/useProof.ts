import { decodeRlp, hexlify } from "ethers";
import { readAnchoredDigest } from "../../../chain/registry/digestAnchor";
import { type ProvenHeader, readHeader } from "../blockHeader";
import { ProofError, verifyPlainTrieProof } from "../merkleProof";
import { rootByPath } from "./merkleTree";
import { receiptKey } from "./receiptTrie";
import { digestOf, hashUse, type UseLeaf } from "./useLeaf";

/** What proves that a block holds the event of an anchored digest. */
export interface AnchorProof extends ProvenHeader {
  /** The transaction's place in the block. */
  transactionIndex: number;
  /** The event's place among those of the transaction. */
  logIndex: number;
  /** Nodes from the root of the block's receipts to the transaction's. */
  receiptProof: string[];
}

/** An answer about one use that speaks for itself. Hashes are 32 bytes, `0x` and 64 digits. */
export interface ProvenUse {
  leaf: Omit<UseLeaf, "usedAt"> & { usedAt: string };
  leafHash: string;
  /** Where the leaf is in its tree, from 0. */
  index: number;
  /** Leaves of the tree. */
  size: number;
  path: string[];
  root: string;
  digest: string;
  /** The DIDRegistry. */
  registry: string;
  anchor: { identity: string; sequence: number };
  proof: AnchorProof;
}

/**
 * Verifies an answer against a block's hash, without asking anybody: that the leaf says what is claimed, that it is in
 * the tree, and that the tree's digest was anchored in that block, by that registry and identity.
 *
 * @param blockHash the hash the auditor trusts, from wherever it trusts
 * @throws ProofError saying what does not hold
 */
export function verifyUse(use: ProvenUse, blockHash: string): void {
  const { leaf, leafHash, index, size, path, root, digest } = use;
  const hash = hashOf(leaf);
  if (hexlify(hash) !== leafHash) throw new ProofError("the leaf's hash is not that of what it says");
  if (leaf.useNumber < 1 || leaf.useNumber > leaf.maxUsages)
    throw new ProofError("the credential has no use of this number");
  const reached = rootByPath(hash, { index, size, path: path.map(bytes32) });
  if (hexlify(reached) !== root) throw new ProofError("the path does not lead from the leaf to the root");
  if (digestOf(reached, size) !== digest) throw new ProofError("the digest is not that of the root and its leaves");
  verifyAnchor(use, blockHash);
}

function verifyAnchor({ digest, registry, anchor, proof }: ProvenUse, blockHash: string): void {
  const { receiptsRoot } = readHeader(proof, blockHash);
  const receipt = verifyPlainTrieProof(receiptsRoot, receiptKey(proof.transactionIndex), proof.receiptProof);
  if (receipt === null) throw new ProofError("the block has no such transaction");
  const log = readLog(receipt, proof.logIndex);
  if (log.address !== registry.toLowerCase()) throw new ProofError("the event is not of that registry");
  const anchored = readAnchoredDigest(log);
  if (anchored === null) throw new ProofError("the event is not of an anchored digest");
  if (anchored.digest !== digest) throw new ProofError("the chain holds another digest there");
  if (anchored.identity !== anchor.identity.toLowerCase()) throw new ProofError("another identity anchored the digest");
  if (anchored.sequence !== anchor.sequence) throw new ProofError("the digest has another sequence number");
}

function hashOf({ usedAt, ...leaf }: ProvenUse["leaf"]): Buffer {
  try {
    return hashUse({ ...leaf, usedAt: new Date(usedAt) });
  } catch (error) {
    throw new ProofError("the leaf has an unknown form", { cause: error });
  }
}

function bytes32(hex: string): Buffer {
  if (!/^0x[0-9a-f]{64}$/.test(hex)) throw new ProofError("the path holds something that is no hash");
  return Buffer.from(hex.slice(2), "hex");
}

/** A log of an encoded receipt (EIP-658, EIP-2718). */
function readLog(receipt: string, index: number): { address: string; topics: string[]; data: string } {
  // A typed receipt begins with its type, a legacy one with a list's prefix of 0xc0 or more.
  const body = Number.parseInt(receipt.slice(2, 4), 16) < 0xc0 ? `0x${receipt.slice(4)}` : receipt;
  const [, , , logs] = decodeRlp(body) as [unknown, unknown, unknown, [string, string[], string][]];
  const log = logs[index];
  if (log === undefined) throw new ProofError("the transaction has no such event");
  const [address, topics, data] = log;
  return { address, topics, data };
}
