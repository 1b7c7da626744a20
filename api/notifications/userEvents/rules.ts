/** What a user's devices are told of. */
export type UserEventType =
  | "verification.requested"
  | "verification.decided"
  | "credential.issued"
  | "credential.used"
  | "credential.revoked"
  | "credential.suspended"
  | "credential.reinstated"
  | "wallet.anchored"
  | "kyc.changed"
  | "session.invalidated"
  | "fraud.alert";

/** Ids, and what names a state; no personal data. */
export type UserEventPayload = Record<string, string | number | boolean | null | string[]>;

/** Something that happened to a user, as it is stored. */
export interface UserEvent {
  /** UUID that follows from the change, so that appending it twice stores it once. */
  _id: string;
  userId: string;
  /** 1 for the user's first event, and one more for each next: without gaps. */
  seq: number;
  type: UserEventType;
  payload: UserEventPayload;
  at: Date;
}

/** Part of a user's events. */
export interface UserEventPage {
  /** In the order of `seq`, without gaps. */
  events: UserEvent[];
  /** The user's newest event; 0 where there is none. */
  head: number;
  /** The first of `events`, where some between the one asked for and it are no longer stored; null otherwise. */
  oldest: number | null;
}

/**
 * Puts a page together of what is stored. The database deletes old events one by one, so that for a moment one may be
 * missing between two: what comes before such a gap counts as deleted.
 *
 * @param found events after `after`, in the order of `seq`
 */
export function pageOf(found: UserEvent[], { after, head }: { after: number; head: number }): UserEventPage {
  const start = found.findLastIndex(({ seq }, place) => seq !== (found[place - 1]?.seq ?? after) + 1);
  const events = start === -1 ? found : found.slice(start);
  return { events, head, oldest: start === -1 ? null : (events[0]?.seq ?? null) };
}
