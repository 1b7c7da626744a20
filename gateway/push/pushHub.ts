import { assertNever } from "../../core/errors";
import { createSubscription, type Ending, type Subscriber, type Subscription } from "./subscription";
import { invalidationOf, type UserEvent } from "./userEvent";

/** How many streams a gateway serves at once, and how many events wait for a slow reader. */
export interface HubLimits {
  streams: number;
  streamsPerSession: number;
  streamsPerUser: number;
  queuedEvents: number;
}

/** Why no further stream is served. */
export type RegistrationRefusal = "session_limit" | "user_limit" | "gateway_limit" | "closed";

/** Holds the streams of one gateway and gives each the events of its user. */
export interface PushHub {
  /** Takes a subscriber in: it receives nothing yet, but from now on nothing passes it by. */
  register(subscriber: Subscriber): { subscription: Subscription; refusal?: never } | { refusal: RegistrationRefusal };
  /**
   * Gives an event, published or read from the API, to its user's streams; one that ends sessions ends their streams
   * first.
   */
  publish(event: UserEvent): void;
  /** Tells a user's streams that events up to `head` are stored, so that they read what they were not sent. */
  announce(userId: string, head: bigint): void;
  /** Ends a session's streams. @param seq the event that revoked it */
  revokeSession(userId: string, sessionId: string, seq: bigint): void;
  /** Ends all streams of a user. @param seq the event that revoked the sessions */
  revokeAllForUser(userId: string, seq: bigint): void;
  /** Ends a session's streams for another reason. */
  endSession(subscriber: Subscriber, ending: Ending): void;
  /** Ends all streams, and refuses further ones. */
  close(): void;
  /** Every session with a stream, once. */
  sessions(): Subscriber[];
  /** Whether a user has a stream here. */
  has(userId: string): boolean;
  /** Streams now. */
  size(): number;
}

/**
 * Creates a hub without streams.
 *
 * @param onEnd is told of every stream that ends, and why
 */
export function createPushHub(limits: HubLimits, onEnd: (ending: Ending) => void = () => undefined): PushHub {
  const users = new Map<string, Set<Subscription>>();
  let size = 0;
  let isClosed = false;

  function refusalOf({ userId, sessionId }: Subscriber): RegistrationRefusal | undefined {
    if (isClosed) return "closed";
    const own = users.get(userId);
    if (own !== undefined && countOf(own, sessionId) >= limits.streamsPerSession) return "session_limit";
    if (own !== undefined && own.size >= limits.streamsPerUser) return "user_limit";
    return size >= limits.streams ? "gateway_limit" : undefined;
  }

  function remove(subscription: Subscription): void {
    const own = users.get(subscription.userId);
    own?.delete(subscription);
    if (own?.size === 0) users.delete(subscription.userId);
    size -= 1;
  }

  /** A copy: a stream that ends leaves the set. */
  const streamsOf = (userId: string) => [...(users.get(userId) ?? [])];

  function revokeSession(userId: string, sessionId: string, seq: bigint): void {
    for (const stream of streamsOf(userId)) if (stream.sessionId === sessionId) stream.revoke(seq);
  }

  function revokeAllForUser(userId: string, seq: bigint): void {
    for (const stream of streamsOf(userId)) stream.revoke(seq);
  }

  function invalidate(event: UserEvent): void {
    const invalidation = invalidationOf(event);
    switch (invalidation?.kind) {
      case undefined:
        return;
      case "all":
        revokeAllForUser(event.userId, event.seq);
        return;
      case "malformed":
        // Their readers subscribe again, for which their sessions are read.
        for (const stream of streamsOf(event.userId)) stream.end("too_old");
        return;
      case "sessions":
        for (const id of invalidation.sessionIds) revokeSession(event.userId, id, event.seq);
        return;
      default:
        return assertNever(invalidation);
    }
  }

  return {
    register(subscriber) {
      const refusal = refusalOf(subscriber);
      if (refusal !== undefined) return { refusal };
      const subscription = createSubscription(subscriber, limits.queuedEvents);
      const own = users.get(subscriber.userId) ?? new Set();
      users.set(subscriber.userId, own.add(subscription));
      size += 1;
      subscription.onEnd((ending) => {
        remove(subscription);
        onEnd(ending);
      });
      return { subscription };
    },
    publish(event) {
      if (!users.has(event.userId)) return;
      invalidate(event);
      for (const stream of streamsOf(event.userId)) stream.publish(event);
    },
    announce(userId, head) {
      for (const stream of streamsOf(userId)) stream.announce(head);
    },
    revokeSession,
    revokeAllForUser,
    endSession({ userId, sessionId }, ending) {
      for (const stream of streamsOf(userId)) if (stream.sessionId === sessionId) stream.end(ending);
    },
    close() {
      isClosed = true;
      for (const userId of [...users.keys()]) for (const stream of streamsOf(userId)) stream.end("shutdown");
    },
    sessions: () =>
      [...users].flatMap(([userId, own]) => {
        const sessionIds = new Set([...own].map(({ sessionId }) => sessionId));
        return [...sessionIds].map((sessionId) => ({ userId, sessionId }));
      }),
    has: (userId) => users.has(userId),
    size: () => size,
  };
}

function countOf(streams: Set<Subscription>, sessionId: string): number {
  return [...streams].filter((stream) => stream.sessionId === sessionId).length;
}
