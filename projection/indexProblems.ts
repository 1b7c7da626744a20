import type { CheckpointDocument } from "./models";

/** A node may learn of a block later than another did; after this long one that does not know it is behind. */
const NEW_BLOCK_SECONDS = 10;

/**
 * What is wrong with an index whoever reads it: nobody writes it, or the chain's newest block is below what is indexed,
 * as after a node was restored from a backup.
 *
 * @param headNumber the chain's newest block
 * @returns sentences for people, none when nothing is wrong
 */
export function indexProblems(
  { lease, indexed }: Pick<CheckpointDocument, "lease" | "indexed">,
  { now, headNumber }: { now: Date; headNumber: number | undefined },
): string[] {
  const problems: string[] = [];
  // A lease that was released counts to its end: meanwhile a standby acquires it.
  if (lease.expiresAt <= now) problems.push("no indexer leads");
  if (indexed === null || headNumber === undefined || headNumber >= indexed.number) return problems;
  if (now.getTime() - indexed.minedAt.getTime() > NEW_BLOCK_SECONDS * 1000) {
    problems.push(`the chain's newest block is ${headNumber}, below the index at block ${indexed.number}`);
  }
  return problems;
}
