import { z } from "zod";

/** An event of a user, stored by the API before it is sent. */
export interface UserEvent {
  userId: string;
  /** Number of the event among its user's, from 1, without gaps: a subscriber's cursor. */
  seq: bigint;
  /** UUID in lower case. */
  id: string;
  /** For instance `credential.issued`. */
  type: string;
  at: Date;
  /** JSON text: ids only, no personal data. */
  payload: string;
}

/** The sessions that an event ends: those listed, or all of its user's; or it cannot be said which. */
export type Invalidation = { kind: "sessions"; sessionIds: string[] } | { kind: "all" } | { kind: "malformed" };

/** The type of the events that end sessions. */
export const SESSION_INVALIDATED = "session.invalidated";

const Payload = z.union([z.object({ all: z.literal(true) }), z.object({ sessionIds: z.array(z.string()) })]);

/** What an event ends; undefined for events that end no session. */
export function invalidationOf({ type, payload }: Pick<UserEvent, "type" | "payload">): Invalidation | undefined {
  if (type !== SESSION_INVALIDATED) return undefined;
  const { data } = Payload.safeParse(JSON.parse(payload));
  if (data === undefined) return { kind: "malformed" };
  return "all" in data ? { kind: "all" } : { kind: "sessions", sessionIds: data.sessionIds };
}
