import type { Clock } from "../../core/clock";
import type { BlockRef } from "../../projection/models";
import type { Term } from "../write/term";

/** How often the checkpoint's head is renewed when nothing else is written. */
const HEARTBEAT_MS = 5_000;

/**
 * Records the chain's newest block when it is another, and now and then that the chain still answers, so that readers
 * can tell a quiet chain from one that does not answer.
 *
 * @throws LeaseLostError
 */
export async function recordHead(
  { term, clock }: { term: Term; clock: Clock },
  { number, hash, minedAt }: BlockRef,
): Promise<void> {
  const seenAt = clock.now();
  const before = term.checkpoint.head;
  const isRecent = before !== null && seenAt.getTime() - before.seenAt.getTime() < HEARTBEAT_MS;
  if (before?.hash === hash && isRecent) return;
  await term.write({ head: { number, hash, minedAt, seenAt } });
}
