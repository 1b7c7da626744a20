import type { Clock } from "../../core/clock";
import type { Reservation, ReplayOutcome } from "../replay/replayStore";
import { requestHash } from "../signing/envelopes";
import {
  type BudgetOutcome,
  checkBudgets,
  checkRequest,
  checkReservation,
  checkSession,
  checkType,
  type DeviceSession,
  type SessionAnswer,
} from "./checks";
import { type SignedRequest, validateEnvelope, type WellFormedRequest } from "./envelope";
import type { Rejection } from "./rejection";

/** What the checks ask of the outside, one question each, and only when all checks before it have passed. */
export interface VerificationDeps {
  clock: Clock;
  /** Whose key must have signed. */
  lookUpSession(deviceSessionId: string): Promise<SessionAnswer>;
  reserve(reservation: Reservation, now: Date): Promise<ReplayOutcome>;
  /** Takes from the budgets of address, session, user and type. */
  takeBudgets(request: WellFormedRequest, session: DeviceSession): Promise<BudgetOutcome>;
  /** The message types that the called method executes. */
  types: ReadonlySet<string>;
}

/** A request that may be executed. */
export interface VerifiedRequest {
  request: WellFormedRequest;
  session: DeviceSession;
  /** SHA-256 of the request's signing bytes: what its answer names it by. */
  requestHash: Uint8Array;
  /** The device asks again under an id that passed before. */
  isRetry: boolean;
}

/**
 * Verifies a request of either method, in the order of docs/gateway.md: envelope and version, session, payload hash,
 * signature, freshness, replay, budgets, type. The first check that fails is the answer, and nothing after it is asked:
 * a request that was not signed by the session's device reserves no id and takes from nobody's budget.
 *
 * @returns the request as it may be executed, or why not
 */
export async function verifyRequest(
  deps: VerificationDeps,
  received: SignedRequest,
): Promise<{ verified: VerifiedRequest; rejection?: never } | { rejection: Rejection }> {
  const validated = validateEnvelope(received);
  if (validated.rejection !== undefined) return validated;
  const { request } = validated;
  const { envelope } = request;

  const known = checkSession(await deps.lookUpSession(envelope.deviceSessionId));
  if (known.rejection !== undefined) return known;
  const { session } = known;

  const now = deps.clock.now();
  const unverified = checkRequest(request, session, now);
  if (unverified !== undefined) return { rejection: unverified };

  const outcome = await deps.reserve(envelope, now);
  const rejection =
    checkReservation(outcome) ??
    checkBudgets(await deps.takeBudgets(request, session)) ??
    checkType(envelope.messageType, deps.types);
  if (rejection !== undefined) return { rejection };
  const isRetry = outcome.kind === "retry";
  return { verified: { request, session, requestHash: requestHash(envelope), isRetry } };
}
