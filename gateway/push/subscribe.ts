import { randomFraction } from "../../core/crypto";
import type { Logger } from "../../core/logger";
import { type Rejection, reject } from "../envelope/rejection";
import { rejectionOfEnding, rejectionOfRefusal } from "./endings";
import type { PushHub } from "./pushHub";
import type { Reader } from "./reader";
import type { CheckedSession } from "./sessionWatch";
import type { Subscriber, Subscription } from "./subscription";

export interface SubscribeDeps {
  hub: Pick<PushHub, "register">;
  logger: Logger;
  /** How old streams become. */
  maxAgeMs: number;
  /** How long a stream that was ended may take to be sent to its end before it is cut. */
  drainMs: number;
}

/** Who wants a stream, and from where on. */
export interface SubscribeInput {
  subscriber: Subscriber;
  /** The cursor to go on from; undefined for what happens from now on. */
  after: bigint | undefined;
  reader: Reader;
  /** Asks the API, not a cache: called after the registration, so that a revocation in between is noticed. */
  readSession(): Promise<Omit<CheckedSession, "sessionId">>;
}

/** How far the ages of streams lie apart, so that those which began together do not all end together. */
const AGE_SPREAD = 0.1;

/** How long a caller waits who met an API that does not answer. */
const OUTAGE_RETRY_MS = 1_000;

/**
 * Gives a subscriber a place in the hub and starts it: registers, then reads the session again, so that whichever comes
 * first, the revocation or the registration, the stream of a revoked session ends.
 *
 * The place is given up when the reader goes, whatever the stream is doing then, and a reader that does not take the end
 * of its stream is cut off.
 *
 * @returns the started subscription, and the cursor after which it goes on
 */
export async function subscribe(
  deps: SubscribeDeps,
  { subscriber, after, reader, readSession }: SubscribeInput,
): Promise<{ subscription: Subscription; after: bigint; rejection?: never } | { rejection: Rejection }> {
  const registered = deps.hub.register(subscriber);
  if (registered.refusal !== undefined) return { rejection: rejectionOfRefusal(registered.refusal) };
  const { subscription } = registered;
  reader.onClose(() => subscription.end("cancelled"));
  const rejected = (rejection: Rejection) => {
    subscription.end("cancelled");
    return { rejection };
  };

  let session;
  try {
    session = await readSession();
  } catch (error) {
    deps.logger.warn({ err: error }, "a session could not be read for a stream");
    return rejected(reject("BACKEND_UNAVAILABLE", { retryAfterMs: OUTAGE_RETRY_MS }));
  }
  if (session.state !== "active") return rejected(rejectionOfEnding(`session_${session.state}`));
  const head = session.head ?? 0n;
  if (after !== undefined && after > head)
    return rejected(reject("CURSOR_AHEAD", { metadata: { head: String(head) } }));
  subscription.start({ after: after ?? head, head });
  endWithAge(subscription, deps.maxAgeMs);
  cutOffAfterEnd(subscription, reader, deps.drainMs);
  return { subscription, after: after ?? head };
}

function endWithAge(subscription: Subscription, maxAgeMs: number): void {
  const ageMs = maxAgeMs * (1 - AGE_SPREAD + 2 * AGE_SPREAD * randomFraction());
  const timer = setTimeout(() => subscription.end("too_old"), ageMs);
  subscription.onEnd(() => clearTimeout(timer));
}

/** A reader that reads nothing never receives the end of its stream, which would hold its memory and the shutdown. */
function cutOffAfterEnd(subscription: Subscription, reader: Reader, drainMs: number): void {
  subscription.onEnd(() => {
    if (reader.isClosed()) return;
    const timer = setTimeout(() => reader.destroy(), drainMs);
    reader.onClose(() => clearTimeout(timer));
  });
}
