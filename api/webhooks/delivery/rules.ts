/** A webhook as a slice orders it. */
export interface OutgoingWebhook {
  /**
   * The message's id (`webhook-id`), the same for the same event: a receiver recognizes by it a message that it got
   * before. Letters, digits, `_` and `-`.
   */
  id: string;
  /** Whose secret signs it. */
  secretOwner: string;
  url: string;
  /** What happened, for instance `verification.verified`. */
  type: string;
  /** When it happened. */
  timestamp: Date;
  data: object;
  /** Further members of the body beside `type`, `timestamp` and `data`, for receivers of another protocol. */
  topLevel?: object | undefined;
  /** The id of an earlier webhook that this one replaces: it is not attempted any more. */
  supersedes?: string[] | undefined;
}

/** How far a webhook has been delivered. */
export interface Delivery {
  /** The message's id. */
  deliveryId: string;
  secretOwner: string;
  url: string;
  /** The same bytes in every attempt. */
  body: string;
  createdAt: Date;
  /** When to try next; null once it is delivered, superseded or given up. */
  nextAttemptAt: Date | null;
  attempts: number;
  deliveredAt: Date | null;
  /** Why the last attempt failed; null when none did. */
  lastError: string | null;
  /** The id of the webhook that replaced it; null when none did. */
  supersededBy: string | null;
}

/** How far a delivery is, in a word. */
export const DELIVERY_STATES = ["pending", "delivered", "given_up", "superseded"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** The state that follows from what is recorded. */
export function stateOf({ nextAttemptAt, deliveredAt, supersededBy }: Delivery): DeliveryState {
  if (nextAttemptAt !== null) return "pending";
  if (supersededBy !== null) return "superseded";
  return deliveredAt === null ? "given_up" : "delivered";
}

/** What one more attempt came to. */
export type AttemptOutcome =
  | { result: "delivered"; at: Date }
  | { result: "failed"; error: string; nextAttemptAt: Date }
  | { result: "given_up"; error: string; at: Date };

/** Pauses before the second and every later attempt; after the last one the delivery is given up. */
const RETRY_PAUSES_SECONDS = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];

/**
 * Decides what follows from an attempt.
 *
 * @param attempts how many there were, this one included
 * @param error why it failed; null when the receiver took the message
 */
export function outcomeOf(attempts: number, error: string | null, now: Date): AttemptOutcome {
  if (error === null) return { result: "delivered", at: now };
  const pauseSeconds = RETRY_PAUSES_SECONDS[attempts - 1];
  if (pauseSeconds === undefined) return { result: "given_up", error, at: now };
  return { result: "failed", error, nextAttemptAt: new Date(now.getTime() + pauseSeconds * 1000) };
}

/** The body of a message (Standard Webhooks, "Payload structure"). */
export function bodyOf({
  type,
  timestamp,
  data,
  topLevel,
}: Pick<OutgoingWebhook, "type" | "timestamp" | "data" | "topLevel">): string {
  return JSON.stringify({ ...topLevel, type, timestamp: timestamp.toISOString(), data });
}
