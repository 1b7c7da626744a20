/** Whose deliveries are stored. Each source has a queue and workers of its own, so that none waits for another's. */
export const SOURCES = ["kyc", "oauth"] as const;
export type InboxSource = (typeof SOURCES)[number];

/** A stored delivery: its content reduced to what its handler needs. Never the body as it came. */
export interface InboxEntry {
  /** `<source>-<SHA-256 of the delivery key>`: the same delivery cannot be stored twice. */
  _id: string;
  source: InboxSource;
  facts: unknown;
  requestId: string | null;
  receivedAt: Date;
  /** When a sweep queues the entry again; absent once it is finished. */
  sweepAt?: Date;
  finishedAt: Date | null;
  /** The outcome in a word, for operators. */
  outcome: string | null;
  /** When the database deletes the entry, and with it the delivery key; absent until it is finished. */
  purgeAt?: Date;
}

/** The outcome of an entry that a rule rejected: a person may fix the cause and have it processed again. */
export const REJECTED = "rejected";
