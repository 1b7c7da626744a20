import { randomFraction } from "../../core/crypto";
import type { Logger } from "../../core/logger";
import { RejectedError } from "../envelope/receive";
import { reject } from "../envelope/rejection";
import type { Caller } from "../server/caller";
import { rejectionOfEnding, rejectionOfRefusal } from "./endings";
import type { PushHub } from "./pushHub";
import type { CheckedSession } from "./sessionWatch";
import type { Subscriber, Subscription } from "./subscription";

/** What the API says of one session. */
export type SessionStatus = Omit<CheckedSession, "sessionId">;

export interface SubscribeDeps {
  hub: Pick<PushHub, "register">;
  logger: Logger;
  settings: {
    /** How old streams become, more or less a tenth. */
    maxAgeMs: number;
    /** How long a stream that was ended may take to be sent to its end before it is cut. */
    drainMs: number;
  };
}

/** Who wants a stream, and from where on. */
export interface SubscribeInput {
  subscriber: Subscriber;
  /** The cursor to go on after; undefined for what happens from now on. */
  after: bigint | undefined;
  caller: Caller;
  /** Asks the API, not a cache: called after the registration, so that a revocation in between is noticed. */
  readSession(): Promise<SessionStatus>;
}

/** A subscription that was started. */
export interface StartedSubscription {
  subscription: Subscription;
  /** The cursor after which it goes on. */
  after: bigint;
  /** The user's newest event at the start: what follows it is sent as it happens. */
  head: bigint;
}

/** How far the ages of streams lie apart, so that those which began together do not all end together. */
const AGE_SPREAD = 0.1;

/** How long a caller waits who met an API that does not answer. */
const OUTAGE_RETRY_MS = 1_000;

/**
 * Gives a subscriber a place in the hub and starts it: registers, then reads the session again, so that whichever comes
 * first, the revocation or the registration, the stream of a revoked session ends.
 *
 * The place is given up when the caller goes, whatever the stream is doing then, and a caller that does not take the end
 * of its stream is cut off.
 *
 * @throws RejectedError when there is no place, the session ended, or the cursor is ahead of the user's events
 */
export async function subscribe(deps: SubscribeDeps, input: SubscribeInput): Promise<StartedSubscription> {
  const { subscriber, caller } = input;
  const registered = deps.hub.register(subscriber);
  if (registered.refusal !== undefined) throw new RejectedError(rejectionOfRefusal(registered.refusal));
  const { subscription } = registered;
  caller.onClose(() => subscription.end("cancelled"));
  try {
    const place = await findPlace(deps, input);
    subscription.start(place);
    const { ending } = subscription;
    if (ending !== undefined && ending !== "cancelled") throw new RejectedError(rejectionOfEnding(ending));
    endWithAge(subscription, deps.settings.maxAgeMs);
    cutOffAfterEnd(subscription, caller, deps.settings.drainMs);
    return { subscription, after: place.after, head: place.head };
  } catch (error) {
    subscription.end("cancelled");
    throw error;
  }
}

async function findPlace(
  { logger }: Pick<SubscribeDeps, "logger">,
  { after, readSession }: SubscribeInput,
): Promise<{ after: bigint; head: bigint }> {
  let session;
  try {
    session = await readSession();
  } catch (error) {
    logger.warn({ err: error }, "a session could not be read for a stream");
    throw new RejectedError(reject("BACKEND_UNAVAILABLE", { retryAfterMs: OUTAGE_RETRY_MS }));
  }
  if (session.state !== "active") throw new RejectedError(rejectionOfEnding(`session_${session.state}`));
  const { head = 0n } = session;
  if (after !== undefined && after > head) {
    throw new RejectedError(reject("CURSOR_AHEAD", { metadata: { head: String(head) } }));
  }
  return { after: after ?? head, head };
}

function endWithAge(subscription: Subscription, maxAgeMs: number): void {
  const ageMs = maxAgeMs * (1 - AGE_SPREAD + 2 * AGE_SPREAD * randomFraction());
  const timer = setTimeout(() => subscription.end("too_old"), ageMs);
  subscription.onEnd(() => clearTimeout(timer));
}

/** A caller that reads nothing never receives the end of its stream, which would hold its memory and the shutdown. */
function cutOffAfterEnd(subscription: Subscription, caller: Caller, drainMs: number): void {
  subscription.onEnd(() => {
    const timer = setTimeout(() => caller.cut(), drainMs);
    caller.onClose(() => clearTimeout(timer));
  });
}
