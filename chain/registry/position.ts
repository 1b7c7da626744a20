const LOGS_PER_BLOCK = 2 ** 21;

/**
 * The position of a log on the chain as one number that sorts like (block, log index).
 *
 * @throws RangeError beyond block 2^32 or 2^21 logs in one block, where the number would no longer be exact
 */
export function positionOf(blockNumber: number, logIndex: number): number {
  if (blockNumber >= 2 ** 32 || logIndex >= LOGS_PER_BLOCK) {
    throw new RangeError(`the position of log ${logIndex} in block ${blockNumber} cannot be represented`);
  }
  return blockNumber * LOGS_PER_BLOCK + logIndex;
}

/** The block of a position made by {@link positionOf}. */
export function blockOf(position: number): number {
  return Math.floor(position / LOGS_PER_BLOCK);
}
