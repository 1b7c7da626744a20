import type { KeyObject } from "node:crypto";
import { sha256 } from "../../core/hash";
import { assertNever } from "../../core/errors";
import { verifyEd25519 } from "../../core/keys/ed25519";
import type { ReplayOutcome } from "../replay/replayStore";
import { requestSigningBytes } from "../signing/envelopes";
import type { WellFormedRequest } from "./envelope";
import { freshnessOf } from "./freshness";
import { type Reason, type Rejection, reject } from "./rejection";

/** A device session that the backend knows. */
export interface DeviceSession {
  deviceSessionId: string;
  userId: string;
  /** The key that the device registered. */
  publicKey: KeyObject;
}

/** What the backend says of a session. */
export type SessionAnswer =
  { kind: "valid"; session: DeviceSession } | { kind: "unknown" | "expired" | "revoked" | "unavailable" };

/** Which budget is used up, and when it is renewed. */
export type BudgetOutcome =
  { kind: "allowed" } | { kind: "exhausted"; budget: "ip" | "session" | "user" | "type"; retryAfterMs: number };

/** How long a caller waits who met a part that does not answer, in milliseconds. */
const OUTAGE_RETRY_MS = 1_000;

/** The session's key vouches for the request, or the session says why not. */
export function checkSession(
  answer: SessionAnswer,
): { session: DeviceSession; rejection?: never } | { rejection: Rejection } {
  switch (answer.kind) {
    case "valid":
      return { session: answer.session };
    case "unknown":
      return { rejection: reject("SESSION_UNKNOWN") };
    case "expired":
      return { rejection: reject("SESSION_EXPIRED") };
    case "revoked":
      return { rejection: reject("SESSION_REVOKED") };
    case "unavailable":
      return { rejection: reject("BACKEND_UNAVAILABLE", { retryAfterMs: OUTAGE_RETRY_MS }) };
    default:
      return assertNever(answer);
  }
}

/** Payload hash, signature and freshness, in this order: the first that fails is the answer. */
export function checkRequest(request: WellFormedRequest, session: DeviceSession, now: Date): Rejection | undefined {
  const { envelope, payloadBytes, signature } = request;
  if (!sha256(payloadBytes).equals(envelope.payloadHash)) return reject("PAYLOAD_HASH_MISMATCH");
  const data = requestSigningBytes(envelope);
  if (!verifyEd25519({ key: session.publicKey, data, signature })) return reject("SIGNATURE_INVALID");
  // After the signature: what time it is here is nobody's secret, but only a device has use for it.
  const metadata = { server_time_ms: String(now.getTime()) };
  const freshness = freshnessOf(envelope.timestampMs, now);
  switch (freshness) {
    case "fresh":
      return undefined;
    case "stale":
      return reject("REQUEST_STALE", { metadata });
    case "from_future":
      return reject("REQUEST_FROM_FUTURE", { metadata });
    default:
      return assertNever(freshness);
  }
}

/** A request that passes for the first time, or again because its device asks again, is executed. */
export function checkReservation(outcome: ReplayOutcome): Rejection | undefined {
  switch (outcome.kind) {
    case "accepted":
    case "retry":
      return undefined;
    case "replayed":
      return reject("REQUEST_REPLAYED");
    case "id_reused":
      return reject("REQUEST_ID_REUSED");
    case "unavailable":
      return reject("REPLAY_UNAVAILABLE", { retryAfterMs: OUTAGE_RETRY_MS });
    case "store_lost":
      return reject("REPLAY_STORE_LOST", { retryAfterMs: outcome.retryAfterMs });
    default:
      return assertNever(outcome);
  }
}

const BUDGET_REASONS = {
  ip: "BUDGET_IP",
  session: "BUDGET_SESSION",
  user: "BUDGET_USER",
  type: "BUDGET_TYPE",
} as const satisfies Record<string, Reason>;

/** A budget that is used up says when it is renewed. */
export function checkBudgets(outcome: BudgetOutcome): Rejection | undefined {
  if (outcome.kind === "allowed") return undefined;
  return reject(BUDGET_REASONS[outcome.budget], { retryAfterMs: outcome.retryAfterMs });
}

/** Whether the gateway has this type at all: asked last, so that only a device learns which types there are. */
export function checkType(messageType: string, types: ReadonlySet<string>): Rejection | undefined {
  return types.has(messageType) ? undefined : reject("COMMAND_UNKNOWN");
}
