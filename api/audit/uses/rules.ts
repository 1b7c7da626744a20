import { hexlify } from "ethers";
import { rootOf } from "./merkleTree";
import { digestOf, hashUse, type UseLeaf } from "./useLeaf";

/** Leaves of one batch at most: what fits into one document with room to spare. */
export const MAX_LEAVES = 512;

/** How far a batch is: stored; broadcast; in a block; in a block that is final. */
export const BATCH_STATES = ["queued", "submitted", "mined", "final"] as const;
export type BatchState = (typeof BATCH_STATES)[number];

/** A leaf of a batch, and which use it is of. */
export interface BatchLeaf extends Omit<UseLeaf, "salt"> {
  verificationId: string;
  credentialId: string;
  /** Null once the holder's account was erased: nobody can say any more what the leaf says. */
  salt: string | null;
  /** 32 bytes, `0x` and 64 digits. */
  hash: string;
}

/** Where a batch's digest is on the chain. */
export interface BatchAnchor {
  /** How many digests the identity had anchored by then. */
  sequence: number;
  transactionHash: string;
  blockNumber: number;
  blockHash: string;
  minedAt: Date;
}

/** Uses whose tree has one root, which is anchored. */
export interface UseBatch {
  /** What is anchored; it names the batch. */
  digest: string;
  root: string;
  /** In the order of the tree. */
  leaves: BatchLeaf[];
  oldestAt: Date;
  newestAt: Date;
  /** Whether the usage log knows that its uses are in a batch. */
  isMarked: boolean;
  state: BatchState;
  /** Which transaction it waits for: each that was lost is followed by another. From 1. */
  attempt: number;
  /** In whose name it is anchored; null before it was sent. */
  identity: string | null;
  transactionHash: string | null;
  blockNumber: number | null;
  /** Null until its block is final. */
  anchor: BatchAnchor | null;
  /** Why it is not on the chain yet; null when nothing hinders it. */
  error: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** Whether uses are to be batched now: the first of them has waited long enough, or they fill a batch. */
export function isBatchDue(
  waiting: readonly { usedAt: Date }[],
  { intervalSeconds, now }: { intervalSeconds: number; now: Date },
): boolean {
  const [oldest] = waiting;
  if (oldest === undefined || intervalSeconds === 0) return false;
  return waiting.length >= MAX_LEAVES || dueAt(oldest.usedAt, intervalSeconds) <= now;
}

/** When a use is batched at the latest. */
export function dueAt(usedAt: Date, intervalSeconds: number): Date {
  return new Date(usedAt.getTime() + intervalSeconds * 1000);
}

/**
 * A leaf of a use.
 *
 * @param salt 32 random bytes, `0x` and 64 digits
 */
export function newLeaf(use: Omit<BatchLeaf, "salt" | "hash">, salt: string): BatchLeaf {
  return { ...use, salt, hash: hexlify(hashUse({ ...use, salt })) };
}

/** A batch of leaves, at least one, in their order. */
export function newBatch(leaves: BatchLeaf[], now: Date): UseBatch {
  const root = rootOf(hashesOf(leaves));
  const times = leaves.map(({ usedAt }) => usedAt.getTime());
  return {
    digest: digestOf(root, leaves.length),
    root: hexlify(root),
    leaves,
    oldestAt: new Date(Math.min(...times)),
    newestAt: new Date(Math.max(...times)),
    isMarked: false,
    state: "queued",
    attempt: 1,
    identity: null,
    transactionHash: null,
    blockNumber: null,
    anchor: null,
    error: null,
    createdAt: now,
    updatedAt: now,
  };
}

/** The hashes of leaves, as the tree takes them. */
export function hashesOf(leaves: readonly Pick<BatchLeaf, "hash">[]): Buffer[] {
  return leaves.map(({ hash }) => Buffer.from(hash.slice(2), "hex"));
}
