import type { CheckpointDocument } from "./models";

/** How new the index is; part of every answer. */
export interface Freshness {
  /** The last block that is in the index: answers are as of this block. */
  blockNumber: number;
  blockHash: string;
  minedAt: Date;
  /** The chain's newest block, and when the indexer last saw it. */
  headNumber: number;
  headSeenAt: Date;
  /** Blocks up to this number are final. */
  finalizedNumber: number;
  /** Up to here every identity's counters were compared with the chain's own. */
  verifiedNumber: number;
  /** Blocks whose logs may be incomplete, because no endpoint gives what their bloom filters promise. */
  incompleteBlocks: number[];
}

/** How new the index is by its checkpoint; null before the first block. */
export function freshnessOf(checkpoint: CheckpointDocument | null): Freshness | null {
  if (!checkpoint?.indexed) return null;
  const { indexed, head } = checkpoint;
  return {
    blockNumber: indexed.number,
    blockHash: indexed.hash,
    minedAt: indexed.minedAt,
    headNumber: Math.max(head?.number ?? 0, indexed.number),
    headSeenAt: head?.seenAt ?? indexed.minedAt,
    finalizedNumber: Math.min(checkpoint.finalizedNumber, indexed.number),
    verifiedNumber: checkpoint.verifiedNumber,
    incompleteBlocks: checkpoint.incompleteBlocks.map(({ number }) => number),
  };
}

/** Why nothing in the index is verified, or null: a block whose logs may be incomplete could concern anyone. */
export function incompletenessOf(checkpoint: CheckpointDocument | null): string | null {
  const [first] = checkpoint?.incompleteBlocks ?? [];
  return first ? `the logs of block ${first.number} may be incomplete` : null;
}
