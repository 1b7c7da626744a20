import type { Clock } from "../../../core/clock";
import type { KycConfig } from "../../../core/config/kyc";
import { DomainError, TransientError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import { type NotifyDeps, notifyOfChange } from "./delivery";
import type { KycProvider } from "../providers/provider";
import { advance, isDecided, isUnderReview, type KycDecision, nextCheckAt, noticeOf, notifyDeadline } from "../rules";
import type { KycRecord, KycStore } from "../store";

/** What applying decisions needs. */
export interface DecisionDeps extends NotifyDeps {
  kyc: KycStore;
  /** The configured providers by name. */
  providers: ReadonlyMap<string, KycProvider>;
  clock: Clock;
  logger: Logger;
  settings: Pick<KycConfig, "recheckSeconds">;
}

/** A verified delivery as the inbox stores it. */
export interface KycDelivery {
  provider: string;
  decision: KycDecision;
}

/** Races lost in a row before a later try is left to the queue. */
const RACES = 8;

/** Tries for which a delivery may be ahead of our own record of its session. */
const SESSION_TRIES = 3;

/** Tries for which a provider's API may be behind its own webhook. */
const API_TRIES = 5;

type Outcome = "applied" | "unchanged" | "stale" | "superseded";

/**
 * Applies a delivered decision to the user's verification, once, and notifies the user. Safe to run twice and to be
 * killed anywhere in between: the next run does what is left.
 *
 * @param attempt 1 for the first try
 * @returns the outcome, for operators
 * @throws TransientError when a later try may do better; DomainError `kyc.provider_unknown`
 */
export async function applyDelivery(deps: DecisionDeps, delivery: KycDelivery, attempt: number): Promise<string> {
  const provider = deps.providers.get(delivery.provider);
  if (provider === undefined) {
    const fix = "configure it again and retry";
    throw new DomainError(
      "kyc.provider_unknown",
      "not_found",
      `The provider ${delivery.provider} is not configured: ${fix}.`,
    );
  }
  const userId = await deps.kyc.findBySession(provider.name, delivery.decision.sessionId);
  if (userId === null) {
    if (attempt >= SESSION_TRIES) return "superseded";
    throw new TransientError(
      "kyc.session_unknown",
      "The delivery is about a session that is nobody's current one yet.",
    );
  }
  const outcome = provider.signsTime
    ? await applyDecision(deps, userId, provider, () =>
        Promise.resolve({ decision: delivery.decision, isCurrent: false }),
      )
    : await applyDecision(deps, userId, provider, () => confirm(provider, userId, delivery.decision, attempt));
  await notifyPending(deps, userId);
  return outcome;
}

/**
 * Checks on a verification: notifies the user of what is still pending, and asks the provider where no webhook came,
 * since webhooks get lost.
 */
export async function recheck(deps: DecisionDeps, userId: string): Promise<void> {
  await notifyPending(deps, userId);
  const state = (await deps.kyc.find(userId)).state;
  if (state?.status !== "pending") return;
  const provider = deps.providers.get(state.provider);
  if (provider === undefined) return;
  try {
    await applyDecision(deps, userId, provider, () => currentDecision(deps, provider, userId, state.sessionId));
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    deps.logger.info(
      { err: error, provider: provider.name },
      "a pending verification could not be checked; it is tried again later",
    );
  }
  await notifyPending(deps, userId);
}

interface ProviderAnswer {
  decision: KycDecision | null;
  isCurrent: boolean;
}

/** A delivery whose signature covers no time is a reason to ask, no more. */
async function confirm(
  provider: KycProvider,
  userId: string,
  delivered: KycDecision,
  attempt: number,
): Promise<ProviderAnswer> {
  const current = await provider.fetchDecision({ userId, sessionId: delivered.sessionId });
  if (isDecided(delivered.substatus) && (current === null || !isDecided(current.substatus)) && attempt < API_TRIES) {
    throw new TransientError("kyc.provider_behind", `${provider.name} does not say yet what its webhook announced.`);
  }
  if (current !== null) return { decision: current, isCurrent: true };
  // The provider says that nothing is decided; only its webhooks say how far the person has come.
  const isProgress = delivered.substatus === "in_progress" || delivered.substatus === "needs_review";
  return { decision: isProgress ? delivered : null, isCurrent: false };
}

async function currentDecision(
  deps: DecisionDeps,
  provider: KycProvider,
  userId: string,
  sessionId: string,
): Promise<ProviderAnswer> {
  const decision = await provider.fetchDecision({ userId, sessionId });
  if (decision !== null) return { decision, isCurrent: true };
  const state = (await deps.kyc.find(userId)).state;
  const isOver = state?.sessionId === sessionId && !isUnderReview(state) && state.expiresAt <= deps.clock.now();
  const expired = { sessionId, substatus: "expired", reason: null, mayRetry: true, occurredAt: null } as const;
  return { decision: isOver ? expired : null, isCurrent: true };
}

/** Reads the state before the provider is asked, so that a write decided on an answer that has grown old is refused. */
async function applyDecision(
  deps: DecisionDeps,
  userId: string,
  provider: KycProvider,
  ask: () => Promise<ProviderAnswer>,
): Promise<Outcome> {
  for (let race = 0; race < RACES; race += 1) {
    const record = await deps.kyc.find(userId);
    const { decision, isCurrent } = await ask();
    if (decision === null) return "unchanged";
    const outcome = await apply(deps, userId, record, decision, { isCurrent, mayRevise: provider.mayRevise });
    if (outcome !== "raced") return outcome;
  }
  throw new TransientError("kyc.contended", "The verification changes faster than it can be followed.");
}

async function apply(
  { kyc, clock }: DecisionDeps,
  userId: string,
  record: KycRecord,
  decision: KycDecision,
  trust: { isCurrent: boolean; mayRevise: boolean },
): Promise<Outcome | "raced"> {
  const before = record.state;
  if (before === null) return "superseded";
  const now = clock.now();
  const after = advance(before, decision, trust, now);
  if (typeof after === "string") return after;
  const written = await kyc.advance(userId, before, after, noticeOf(before, after), notifyDeadline(now));
  return written ? "applied" : "raced";
}

/** Notifies the user of every pending change, in order, and schedules the next check. */
async function notifyPending(deps: DecisionDeps, userId: string): Promise<void> {
  const { kyc, clock, settings } = deps;
  const { state, pendingNotices } = await kyc.find(userId);
  if (state === null) return;
  for (const notice of pendingNotices) {
    await notifyOfChange(deps, userId, notice);
    await kyc.markNotified(userId, notice.version);
  }
  const checkAt = state.status === "pending" ? nextCheckAt(state, settings.recheckSeconds, clock.now()) : undefined;
  await kyc.scheduleCheck(userId, state.version, checkAt);
}
