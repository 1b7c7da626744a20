import { addSeconds } from "../clock";

/** Items read of each state in one sweep. */
const SWEEP_LIMIT = 500;

/** How long items may wait, in seconds: for their job, and once mined for the index to show them. */
interface Waits {
  sweepAfterSeconds: number;
  unseenSeconds: number;
}

/** What a slice has under way on the chain, and what is done with it. */
interface RelayedWork<Item> {
  /** Items in a state since before `before`, at most `limit`. */
  waiting(state: "queued" | "submitted" | "mined", before: Date, limit: number): Promise<Item[]>;
  /** Ends a mined item that the index shows; `overdue` when it should have shown it long ago. */
  finalize(item: Item, overdue: boolean): Promise<unknown>;
  /** Asks a worker for an item again. */
  enqueue(item: Item): Promise<void>;
}

/** Ends what is mined and shown by the index, and queues again what waits for a job that is gone. */
export async function sweepRelayed<Item extends { updatedAt: Date }>(
  { waiting, finalize, enqueue }: RelayedWork<Item>,
  { sweepAfterSeconds, unseenSeconds }: Waits,
  now: Date,
): Promise<void> {
  for (const item of await waiting("mined", addSeconds(now, 1), SWEEP_LIMIT)) {
    await finalize(item, item.updatedAt < addSeconds(now, -unseenSeconds));
  }
  const before = addSeconds(now, -sweepAfterSeconds);
  for (const state of ["queued", "submitted"] as const) {
    for (const item of await waiting(state, before, SWEEP_LIMIT)) await enqueue(item);
  }
}
