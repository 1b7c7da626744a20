import type { RegistryEvent } from "../../chain/registry/events";

/** The collections that are folded from the events. */
export type ProjectionCollection = "dids" | "issuers" | "status_words";

/** A difference between the index and the chain. */
export interface Difference {
  collection: ProjectionCollection | "chain_events" | "blocks";
  /** The document's `_id`. */
  id: string;
  /** The field that differs; null when the whole document is missing or should not be there. */
  field: string | null;
  /** What the index has; null when it lacks the document. */
  indexed: unknown;
  /** What the chain, or the events on it, say; null when there should be no such document. */
  chain: unknown;
  /** For an event that is missing or differs: as it should be. */
  event?: RegistryEvent;
}

/** Called with each difference as it is found. */
export type Report = (difference: Difference) => void;

type Fields = Record<string, unknown>;

/** A text that names what differs: the same for a difference that is found again. */
export function nameOf({ collection, id, field }: Difference): string {
  return `${collection} ${id} ${field ?? ""}`;
}

/**
 * Compares a stored document with what it should be, field by field.
 *
 * @param indexed null when there is none
 * @param expected null when there should be none
 */
export function differencesOf(
  where: Pick<Difference, "collection" | "id">,
  indexed: Fields | null,
  expected: Fields | null,
): Difference[] {
  if (indexed === null || expected === null) {
    return indexed === expected ? [] : [{ ...where, field: null, indexed, chain: expected }];
  }
  const fields = new Set([...Object.keys(indexed), ...Object.keys(expected)]);
  return [...fields]
    .filter((field) => canonical(indexed[field]) !== canonical(expected[field]))
    .map((field) => ({ ...where, field, indexed: indexed[field], chain: expected[field] }));
}

/** A text that is the same for two values only when they are equal, whatever the order of their fields; types count. */
export function canonical(value: unknown): string {
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, inner]) => `${key}:${canonical(inner)}`).join(",")}}`;
  }
  return `${typeof value} ${String(value)}`;
}
