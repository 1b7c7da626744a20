import type { UserEvent } from "./userEvent";

/** Why a subscription ended. */
export type Ending =
  "session_revoked" | "session_expired" | "session_unknown" | "reader_slow" | "too_old" | "shutdown" | "cancelled";

/** What its reader does next. */
export type Next =
  | { kind: "event"; event: UserEvent }
  /** Events after `after`, up to `head`, are stored and were not published here: they must be read from the API. */
  | { kind: "behind"; after: bigint; head: bigint }
  /** Nothing happened for as long as the reader wanted to wait. */
  | { kind: "idle" }
  | { kind: "ended"; ending: Ending };

/** Who subscribed. */
export interface Subscriber {
  userId: string;
  /** A device session or a browser session. */
  sessionId: string;
}

/** One reader's place in the events of its user. It is sent every event once, in order. */
export interface Subscription extends Subscriber {
  /**
   * Begins after the session was read again: what was published since the registration is not lost.
   *
   * @param after the cursor to go on from
   * @param head the user's newest event, as of before the session was read
   */
  start(place: { after: bigint; head: bigint }): void;
  /** Waits for what comes next, at most `waitMs`. One caller at a time. */
  next(waitMs: number): Promise<Next>;
  /** Goes on after `seq` without the events up to it. */
  skipTo(seq: bigint): void;
  /** Takes an event, published or read from the API; one that it had already is passed over. */
  publish(event: UserEvent): void;
  /** Learns that the user's newest event is at least `head`. */
  announce(head: bigint): void;
  /**
   * Ends because an event revoked the session. An event that was stored before the session was last read as active did
   * not revoke it: without this, an old event that is announced again would end streams of sessions opened after it.
   */
  revoke(seq: bigint): void;
  /** Ends, once: the first reason counts. What waits to be read is dropped. */
  end(ending: Ending): void;
  /** Set once it ended. */
  readonly ending: Ending | undefined;
  /** Calls back when it ends, at once when it has. */
  onEnd(listener: (ending: Ending) => void): void;
}

/**
 * Creates a subscription.
 *
 * @param capacity how many events may wait for the reader: one more ends it as too slow
 */
export function createSubscription({ userId, sessionId }: Subscriber, capacity: number): Subscription {
  const listeners: ((ending: Ending) => void)[] = [];
  let queue: UserEvent[] = [];
  /** The last event that is queued or was read; undefined before the start. */
  let last: bigint | undefined;
  /** The newest event that is known to be stored. */
  let head = 0n;
  let readAtHead = 0n;
  let revokedAt = 0n;
  let ending: Ending | undefined;
  let wake: (() => void) | undefined;

  function end(reason: Ending): void {
    if (ending !== undefined) return;
    ending = reason;
    queue = [];
    wake?.();
    for (const listener of listeners.splice(0)) listener(reason);
  }

  function announce(seq: bigint): void {
    if (seq <= head) return;
    head = seq;
    wake?.();
  }

  /** Whether there is something to do now. */
  function ready(): Next | undefined {
    if (ending !== undefined) return { kind: "ended", ending };
    const event = queue.shift();
    if (event !== undefined) return { kind: "event", event };
    if (last !== undefined && head > last) return { kind: "behind", after: last, head };
    return undefined;
  }

  function isNext({ seq }: UserEvent): boolean {
    return last !== undefined && seq === last + 1n;
  }

  function append(event: UserEvent): void {
    if (ending !== undefined || !isNext(event)) return;
    last = event.seq;
    queue.push(event);
  }

  return {
    userId,
    sessionId,
    start(place) {
      last = place.after;
      readAtHead = place.head;
      announce(place.head);
      if (revokedAt > readAtHead) end("session_revoked");
    },
    async next(waitMs) {
      const now = ready();
      if (now !== undefined) return now;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = undefined;
      return ready() ?? { kind: "idle" };
    },
    skipTo(seq) {
      if (last === undefined || seq > last) last = seq;
      announce(seq);
    },
    publish(event) {
      if (isNext(event) && queue.length >= capacity) end("reader_slow");
      append(event);
      announce(event.seq);
    },
    announce,
    revoke(seq) {
      revokedAt = seq > revokedAt ? seq : revokedAt;
      if (last !== undefined && revokedAt > readAtHead) end("session_revoked");
    },
    end,
    get ending() {
      return ending;
    },
    onEnd(listener) {
      if (ending === undefined) listeners.push(listener);
      else listener(ending);
    },
  };
}
