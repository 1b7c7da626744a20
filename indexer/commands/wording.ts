import type { Difference } from "../audit/difference";

/** A difference as a line for people. */
export function describeDifference({ collection, id, field, indexed, chain }: Difference): string {
  const what = field === null ? `${collection} ${id}` : `${collection} ${id} ${field}`;
  return `${what}: the index has ${JSON.stringify(indexed)}, the chain ${JSON.stringify(chain)}`;
}

/** `1 event`, `2 events`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
