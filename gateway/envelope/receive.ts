import type { ConnectError } from "@connectrpc/connect";
import type { Clock } from "../../core/clock";
import type { RequestBudgets } from "../budgets/requestBudgets";
import type { UnsignedRequests } from "../budgets/unsignedRequests";
import type { ReplayStore } from "../replay/replayStore";
import type { SessionAnswer } from "./checks";
import { toConnectError } from "./connectError";
import type { SignedRequest } from "./envelope";
import { type Rejection, reject } from "./rejection";
import { type VerifiedRequest, verifyRequest } from "./verifyRequest";

/** What receiving a request takes. */
export interface ReceiveDeps {
  clock: Clock;
  replay: ReplayStore;
  budgets: RequestBudgets;
  unsigned: UnsignedRequests;
}

/** The method that was called. */
export interface CalledMethod {
  /** The caller's IP address. */
  address: string;
  /** The message types that the method executes, and which of them change something. */
  types: ReadonlyMap<string, { isWrite: boolean }>;
  lookUpSession(deviceSessionId: string): Promise<SessionAnswer>;
}

/** A call that the gateway does not execute. */
export class RejectedError extends Error {
  override readonly name = "RejectedError";

  constructor(readonly rejection: Rejection) {
    super(rejection.message);
  }

  /** As every protocol sends it. */
  toConnectError(): ConnectError {
    return toConnectError(this.rejection);
  }
}

/**
 * Verifies a request of a method in the order of docs/gateway.md. Before all checks, an address that brought too many
 * requests which nobody signed is answered nothing else.
 *
 * @throws RejectedError saying why it may not be executed
 */
export async function receive(
  deps: ReceiveDeps,
  { address, types, lookUpSession }: CalledMethod,
  received: SignedRequest,
): Promise<VerifiedRequest> {
  const { clock, replay, budgets, unsigned } = deps;
  const blockedForMs = unsigned.blockedForMs(address);
  if (blockedForMs !== undefined) throw new RejectedError(reject("BUDGET_IP", { retryAfterMs: blockedForMs }));
  const outcome = await verifyRequest(
    {
      clock,
      lookUpSession,
      reserve: (reservation, now) => replay.reserve(reservation, now),
      takeBudgets: ({ envelope: { messageType } }, session) =>
        budgets.take({ address, session, messageType, isWrite: types.get(messageType)?.isWrite ?? false }),
      types: new Set(types.keys()),
    },
    received,
  );
  if (outcome.rejection === undefined) return outcome.verified;
  await unsigned.count(address, outcome.rejection.reason);
  throw new RejectedError(outcome.rejection);
}
