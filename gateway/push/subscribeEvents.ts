import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { receive, type ReceiveDeps, RejectedError } from "../envelope/receive";
import type { SignedRequest } from "../envelope/envelope";
import type { SessionDirectory } from "../backend/sessions";
import type { ResponseKeys } from "../keys/responseKeys";
import { callerKey } from "../server/caller";
import { parseSubscription } from "./cursor";
import { rejectionOfEnding } from "./endings";
import { createEventSigner, type SignedEvent } from "./eventEnvelope";
import type { OutgoingEvent } from "./outgoing";
import { type PushStreamDeps, streamEvents } from "./pushStream";
import { type SessionStatus, subscribe, type SubscribeDeps } from "./subscribe";

/** The message type of a subscription. */
export const SUBSCRIBE_TYPE = "gateway.subscribe";

export interface SubscribeEventsDeps {
  receiving: ReceiveDeps;
  sessions: Pick<SessionDirectory, "lookUpNow">;
  keys: Pick<ResponseKeys, "current">;
  readSession(deviceSessionId: string): Promise<SessionStatus>;
  subscribing: SubscribeDeps;
  streaming: PushStreamDeps;
  /** Records that an event was sent, and whether it was sent as it happened. */
  onSent(event: OutgoingEvent, isLive: boolean): void;
}

const TYPES = new Map([[SUBSCRIBE_TYPE, { isWrite: false }]]);

/**
 * Creates SubscribeEvents of gateway.proto: verifies the request as every other, and sends signed events until the stream
 * is ended, which is told by a status with google.rpc.ErrorInfo.
 */
export function createSubscribeEvents(
  deps: SubscribeEventsDeps,
): (request: SignedRequest, context: HandlerContext) => AsyncGenerator<SignedEvent> {
  const { logger } = deps.streaming;
  return async function* (request, context) {
    try {
      yield* signedEvents(deps, request, context);
    } catch (error) {
      if (error instanceof RejectedError) throw error.toConnectError();
      if (error instanceof ConnectError) throw error;
      logger.error({ err: error }, "a stream of events failed");
      throw new ConnectError("Something went wrong on our side.", Code.Internal);
    }
  };
}

async function* signedEvents(
  deps: SubscribeEventsDeps,
  received: SignedRequest,
  { values, signal }: HandlerContext,
): AsyncGenerator<SignedEvent> {
  const caller = values.get(callerKey);
  const lookUpSession = (id: string) => deps.sessions.lookUpNow(id);
  const verified = await receive(deps.receiving, { address: caller.address, types: TYPES, lookUpSession }, received);
  const { deviceSessionId, userId } = verified.session;
  const { subscription, after, head } = await subscribe(deps.subscribing, {
    subscriber: { userId, sessionId: deviceSessionId },
    after: parseSubscription(verified.request.payloadBytes).after,
    caller,
    readSession: () => deps.readSession(deviceSessionId),
  });
  // Also the deadline that the caller set. Not in `finally`: a generator whose stream is destroyed while a write waits for
  // the reader is never resumed.
  whenAborted(signal, () => subscription.end("cancelled"));

  const sign = createEventSigner(deps.keys, {
    deviceSessionId,
    subscriptionHash: verified.requestHash,
    traceId: verified.request.envelope.traceId,
  });
  const events = streamEvents(deps.streaming, subscription, after);
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) {
      if (value === "cancelled") throw ConnectError.from(signal.reason, Code.Canceled);
      throw new RejectedError(rejectionOfEnding(value));
    }
    yield await sign(value);
    deps.onSent(value, value.cursor > head);
  }
}

function whenAborted(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener, { once: true });
}
