import { DomainError } from "../../core/errors";
import { type KycReason, publicReason } from "./reasons";

/** What others may ask of a user: is the identity verified or not. */
export type KycStatus = "not_verified" | "pending" | "verified" | "rejected";

/** Where a verification stands exactly. */
export type KycSubstatus =
  | "opened"
  | "in_progress"
  | "resubmission_requested"
  | "needs_review"
  | "expired"
  | "canceled"
  | "declined"
  | "approved";

export const KYC_SUBSTATUSES = [
  "opened",
  "in_progress",
  "resubmission_requested",
  "needs_review",
  "expired",
  "canceled",
  "declined",
  "approved",
] as KycSubstatus[];

const STATUS_OF: Record<KycSubstatus, KycStatus> = {
  opened: "pending",
  in_progress: "pending",
  resubmission_requested: "pending",
  needs_review: "pending",
  expired: "not_verified",
  canceled: "not_verified",
  declined: "rejected",
  approved: "verified",
};

/** The order in which two statuses of one instant stand; a later one is further along. */
const STEP: Record<KycSubstatus, number> = {
  opened: 0,
  in_progress: 1,
  resubmission_requested: 2,
  needs_review: 3,
  canceled: 4,
  expired: 4,
  declined: 5,
  approved: 5,
};

/** What a provider says of one session, reduced to what is stored. */
export interface KycDecision {
  /** The provider's id of the session. */
  sessionId: string;
  substatus: KycSubstatus;
  reason: KycReason | null;
  /** False when the provider will not look at this person again. */
  mayRetry: boolean;
  /** When it became so, by the provider's clock; null where the provider does not say. */
  occurredAt: Date | null;
}

/** Something the user is to be notified of, stored in the same write that made it true. */
export interface KycNotice {
  version: number;
  substatus: KycSubstatus;
  reason: KycReason | null;
  mayRetry: boolean;
  at: Date;
}

/** A user's verification. */
export interface KycState {
  status: KycStatus;
  substatus: KycSubstatus;
  provider: string;
  sessionId: string;
  rejectionReason: KycReason | null;
  mayRetry: boolean;
  /** Counts the changes; a write applies only to the version it was decided on. */
  version: number;
  startedAt: Date;
  updatedAt: Date;
  decidedAt: Date | null;
  /** The provider's time of the last decision applied; null before the first. */
  occurredAt: Date | null;
  /** When the provider closes a session nobody finished. */
  expiresAt: Date;
}

/** How far a decision is to be trusted. */
export interface Trust {
  /**
   * True when the decision was just read from the provider: then it is what holds now. Otherwise it was delivered, and
   * deliveries come late and in any order.
   */
  isCurrent: boolean;
  /** True when the provider itself may turn an approval into a rejection, or the reverse. */
  mayRevise: boolean;
}

/** Whether a provider is deciding on what was handed in: its session ends with the decision, however late. */
export function isUnderReview({ substatus }: Pick<KycState, "substatus">): boolean {
  return substatus === "needs_review";
}

/** The rejection of a start while a review is under way. */
export function underReview(): DomainError {
  const message = "Your verification is being reviewed: there is nothing to do until it is decided.";
  return new DomainError("kyc.under_review", "conflict", message);
}

/** The status of a substatus. */
export function statusOf(substatus: KycSubstatus): KycStatus {
  return STATUS_OF[substatus];
}

/** Whether a provider has decided for good, as far as it is concerned. */
export function isDecided(substatus: KycSubstatus): boolean {
  return substatus === "approved" || substatus === "declined";
}

/**
 * What becomes of a verification when its provider says something: the next state, or why nothing changes. Never moves
 * back in the provider's own order: a decision is only ever replaced by a later decision of a provider that revises,
 * everything else by what happened later. Where the provider says the same again, later, the state stays and its time
 * moves on, so that what lies between the two cannot return.
 */
export function advance(
  state: KycState,
  decision: KycDecision,
  { isCurrent, mayRevise }: Trust,
  now: Date,
): KycState | "superseded" | "unchanged" | "stale" {
  if (decision.sessionId !== state.sessionId) return "superseded";
  if (decision.substatus === state.substatus) {
    const isNews = decision.occurredAt !== null && isLater(decision, state);
    return isNews ? { ...state, version: state.version + 1, occurredAt: decision.occurredAt } : "unchanged";
  }
  if (isDecided(state.substatus) && !(mayRevise && isDecided(decision.substatus))) return "stale";
  if (!isCurrent && !isLater(decision, state)) return "stale";
  const isRejection = decision.substatus === "declined" || decision.substatus === "resubmission_requested";
  return {
    ...state,
    status: statusOf(decision.substatus),
    substatus: decision.substatus,
    rejectionReason: isRejection ? (decision.reason ?? "other") : null,
    mayRetry: decision.substatus !== "declined" || (decision.mayRetry && decision.reason !== "fraud_suspected"),
    version: state.version + 1,
    updatedAt: now,
    decidedAt: isDecided(decision.substatus) ? now : null,
    occurredAt: decision.occurredAt ?? state.occurredAt,
  };
}

function isLater(decision: KycDecision, state: KycState): boolean {
  const known = state.occurredAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  const decided = decision.occurredAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  if (decided !== known) return decided > known;
  return STEP[decision.substatus] > STEP[state.substatus];
}

/** What asking for a verification leads to; `wait` while a person at the provider reviews what was handed in. */
export type StartPlan = "open" | "resume" | "wait";

/**
 * Whether a user gets a new session, the one that is pending, or none. A review has no end but its decision: the
 * expiry of a session ends what the user may do, not what the provider does.
 *
 * @throws DomainError `kyc.already_verified`, `kyc.closed`
 */
export function planStart(state: KycState | null, now: Date): StartPlan {
  if (state === null) return "open";
  if (state.status === "verified") {
    throw new DomainError(
      "kyc.already_verified",
      "conflict",
      "Your identity is verified already; there is nothing to do.",
    );
  }
  if (!state.mayRetry) {
    const fix = "write to the support if you think it is mistaken";
    throw new DomainError("kyc.closed", "conflict", `Your verification was declined for good: ${fix}.`);
  }
  if (isUnderReview(state)) return "wait";
  return state.status === "pending" && state.expiresAt > now ? "resume" : "open";
}

/** The state of a session that was just opened. */
export function startedState(
  session: { provider: string; sessionId: string; expiresAt: Date },
  previous: KycState | null,
  now: Date,
): KycState {
  return {
    ...session,
    status: "pending",
    substatus: "opened",
    rejectionReason: null,
    mayRetry: true,
    version: (previous?.version ?? 0) + 1,
    startedAt: now,
    updatedAt: now,
    decidedAt: null,
    occurredAt: null,
  };
}

/** What the user is to be notified of; null where the substatus did not change. */
export function noticeOf(before: KycState, state: KycState): KycNotice | null {
  if (before.substatus === state.substatus) return null;
  const { version, substatus, rejectionReason: reason, mayRetry, updatedAt: at } = state;
  return { version, substatus, reason, mayRetry, at };
}

/** A verification as its user sees it. */
export interface KycView {
  status: KycStatus;
  substatus: KycSubstatus | null;
  provider: string | null;
  sessionId: string | null;
  rejectionReason: { code: KycReason; message: string } | null;
  mayRetry: boolean;
  startedAt: Date | null;
  updatedAt: Date | null;
  decidedAt: Date | null;
}

/** What a user is shown at `now`: a session that nobody finished in time has expired, whether or not the provider said so. */
export function viewOf(state: KycState | null, now: Date): KycView {
  if (state === null) {
    return {
      status: "not_verified",
      substatus: null,
      provider: null,
      sessionId: null,
      rejectionReason: null,
      mayRetry: true,
      startedAt: null,
      updatedAt: null,
      decidedAt: null,
    };
  }
  const isOverdue = state.status === "pending" && !isUnderReview(state) && state.expiresAt <= now;
  const { status, substatus } = isOverdue ? ({ status: "not_verified", substatus: "expired" } as const) : state;
  const { provider, sessionId, rejectionReason: code, mayRetry, startedAt, updatedAt, decidedAt } = state;
  const message = publicReason(code);
  const rejectionReason = code === null || message === undefined ? null : { code, message };
  return { status, substatus, provider, sessionId, rejectionReason, mayRetry, startedAt, updatedAt, decidedAt };
}

const LONGEST_RECHECK_SECONDS = 6 * 60 * 60;

/** When to ask the provider about a silent verification: after `firstSeconds`, then ever more seldom. */
export function nextCheckAt(state: KycState, firstSeconds: number, now: Date): Date {
  const ageSeconds = (now.getTime() - state.updatedAt.getTime()) / 1000;
  const pauseSeconds = Math.max(firstSeconds, Math.min(ageSeconds, LONGEST_RECHECK_SECONDS));
  return new Date(now.getTime() + pauseSeconds * 1000);
}

/** How long after a change whoever made it may take to notify the user, before the sweep does. */
const NOTIFY_SECONDS = 60;

/** When the sweep notifies a user of a change made at `now`, unless whoever made it has done so. */
export function notifyDeadline(now: Date): Date {
  return new Date(now.getTime() + NOTIFY_SECONDS * 1000);
}
