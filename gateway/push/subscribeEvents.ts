import { ConnectError, type HandlerContext } from "@connectrpc/connect";
import { toConnectError } from "../envelope/connectError";
import { type VerificationDeps, verifyRequest } from "../envelope/verifyRequest";
import type { SubscribeEventsRequest, SubscribeEventsResponse } from "../gen/cairn/gateway/v1/gateway_pb";
import { parseSubscription } from "./cursor";
import { rejectionOfEnding } from "./endings";
import { createEventEncoder, type EventSigner } from "./eventEnvelope";
import { type PushStreamDeps, streamEvents } from "./pushStream";
import { READER_KEY, type Reader } from "./reader";
import { subscribe, type SubscribeDeps } from "./subscribe";
import type { CheckedSession } from "./sessionWatch";

/** The message type of a subscription. */
export const SUBSCRIBE_TYPE = "gateway.subscribe";

export interface SubscribeEventsDeps extends SubscribeDeps, PushStreamDeps {
  signer: EventSigner;
  /** The checks for a caller; its sessions come from the API, not from a cache. */
  verification(reader: Reader): Omit<VerificationDeps, "types">;
  readSession(sessionId: string): Promise<Omit<CheckedSession, "sessionId">>;
  /** Records that an event was sent. */
  onSent(event: { type: string; atMs: number }): void;
}

const TYPES: ReadonlySet<string> = new Set([SUBSCRIBE_TYPE]);

/**
 * SubscribeEvents of gateway.proto: verifies the request as every other, and sends signed events until the stream is
 * ended, which is told by a status with google.rpc.ErrorInfo.
 */
export function createSubscribeEvents(
  deps: SubscribeEventsDeps,
): (request: SubscribeEventsRequest, context: HandlerContext) => AsyncGenerator<SubscribeEventsResponse> {
  return async function* (request, context) {
    const reader = context.values.get(READER_KEY);
    if (reader === undefined) throw new TypeError("the server gave the stream no reader");
    const checked = await verifyRequest({ ...deps.verification(reader), types: TYPES }, request);
    if (checked.rejection !== undefined) throw toConnectError(checked.rejection);
    const { session, requestHash, request: verified } = checked.verified;
    const asked = parseSubscription(verified.payloadBytes);
    if (asked.rejection !== undefined) throw toConnectError(asked.rejection);

    const { deviceSessionId, userId } = session;
    const placed = await subscribe(deps, {
      subscriber: { userId, sessionId: deviceSessionId },
      after: asked.after,
      reader,
      readSession: () => deps.readSession(deviceSessionId),
    });
    if (placed.rejection !== undefined) throw toConnectError(placed.rejection);
    const { subscription, after } = placed;
    // Also the deadline that the caller set; a stream destroyed while a write waits would never be resumed here.
    onAbort(context.signal, () => subscription.end("cancelled"));

    const { traceId } = verified.envelope;
    const encode = createEventEncoder(deps.signer, { deviceSessionId, subscriptionHash: requestHash, traceId });
    const events = streamEvents(deps, subscription, after);
    for (;;) {
      const { value, done } = await events.next();
      if (done === true) {
        if (value === "cancelled") throw ConnectError.from(context.signal.reason);
        throw toConnectError(rejectionOfEnding(value));
      }
      yield await encode(value);
      deps.onSent(value);
    }
  };
}

function onAbort(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener, { once: true });
}
