import type { Clock } from "../../../core/clock";
import { DomainError, TransientError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import type { KycProvider } from "../providers/provider";
import { advance, announcementOf, isDecided, type KycAnnouncement, type KycDecision, nextCheckAt } from "../rules";
import { announceBy, type KycRecord, type KycStore } from "../store";

/** What following a verification to its end needs. */
export interface DecisionParts {
  kyc: KycStore;
  /** The configured providers by name. */
  providers: ReadonlyMap<string, KycProvider>;
  clock: Clock;
  logger: Logger;
  /** How long a pending verification may be silent before its provider is asked. */
  recheckSeconds: number;
  /** Has a user told of a change; called more than once for one version, it tells once. */
  tell(userId: string, announcement: KycAnnouncement): Promise<void>;
}

/** A verified delivery as the inbox keeps it. */
export interface KycDelivery {
  provider: string;
  decision: KycDecision;
}

/** Races lost in a row before a later try is left to the queue. */
const RACES = 8;

/** Tries for which a delivery may be ahead of our own note of its session. */
const SESSION_TRIES = 3;

/** Tries for which a provider's API may be behind its own webhook. */
const API_TRIES = 5;

type Outcome = "applied" | "unchanged" | "stale" | "superseded";

/**
 * Takes a delivered decision to heart: moves the verification on where it is news, and has the user told. Safe to run
 * twice, and to die anywhere in between: what is left undone is found and done by the next run.
 *
 * @param attempt 1 for the first try
 * @returns what came of it, a word for operators
 * @throws TransientError when a later try may do better; DomainError `kyc.provider_unknown`
 */
export async function settleDelivery(parts: DecisionParts, delivery: KycDelivery, attempt: number): Promise<string> {
  const provider = parts.providers.get(delivery.provider);
  if (provider === undefined) {
    const mend = "configure it again and retry";
    throw new DomainError(
      "kyc.provider_unknown",
      "not_found",
      `The provider ${delivery.provider} is not configured: ${mend}.`,
    );
  }
  const userId = await parts.kyc.findBySession(provider.name, delivery.decision.sessionId);
  if (userId === null) {
    if (attempt >= SESSION_TRIES) return "superseded";
    throw new TransientError(
      "kyc.session_unknown",
      "The delivery is about a session that is nobody's current one yet.",
    );
  }
  const outcome = provider.signsTime
    ? await settle(parts, userId, provider, () => Promise.resolve({ decision: delivery.decision, isCurrent: false }))
    : await settle(parts, userId, provider, () => confirm(provider, userId, delivery.decision, attempt));
  await announce(parts, userId);
  return outcome;
}

/**
 * Looks after a verification without being asked: tells what is still untold, and asks the provider of one that has been
 * silent, for webhooks get lost.
 */
export async function recheck(parts: DecisionParts, userId: string): Promise<void> {
  await announce(parts, userId);
  const state = (await parts.kyc.find(userId))?.state;
  if (state?.status !== "pending") return;
  const provider = parts.providers.get(state.provider);
  if (provider === undefined) return;
  try {
    await settle(parts, userId, provider, () => currentDecision(parts, provider, userId, state.sessionId));
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    parts.logger.info(
      { err: error, provider: provider.name },
      "a silent verification could not be looked after; later",
    );
  }
  await announce(parts, userId);
}

interface Said {
  decision: KycDecision | null;
  isCurrent: boolean;
}

/** A delivery whose signature covers no time is a reason to ask, no more. */
async function confirm(provider: KycProvider, userId: string, told: KycDecision, attempt: number): Promise<Said> {
  const current = await provider.fetchDecision({ userId, sessionId: told.sessionId });
  if (isDecided(told.substatus) && (current === null || !isDecided(current.substatus)) && attempt < API_TRIES) {
    throw new TransientError("kyc.provider_behind", `${provider.name} does not say yet what its webhook announced.`);
  }
  if (current !== null) return { decision: current, isCurrent: true };
  // Nothing is decided, the provider says; how far the person has come, only its webhooks tell.
  return { decision: told.substatus === "in_progress" ? told : null, isCurrent: false };
}

async function currentDecision(
  parts: DecisionParts,
  provider: KycProvider,
  userId: string,
  sessionId: string,
): Promise<Said> {
  const decision = await provider.fetchDecision({ userId, sessionId });
  if (decision !== null) return { decision, isCurrent: true };
  const state = (await parts.kyc.find(userId))?.state;
  const isOver = state?.sessionId === sessionId && state.expiresAt <= parts.clock.now();
  const expired = { sessionId, substatus: "expired", reason: null, mayRetry: true, occurredAt: null } as const;
  return { decision: isOver ? expired : null, isCurrent: true };
}

/** Reads the state before the provider is asked, so that a write decided on an answer that has grown old is refused. */
async function settle(
  parts: DecisionParts,
  userId: string,
  provider: KycProvider,
  ask: () => Promise<Said>,
): Promise<Outcome> {
  for (let race = 0; race < RACES; race += 1) {
    const record = await parts.kyc.find(userId);
    const { decision, isCurrent } = await ask();
    if (decision === null) return "unchanged";
    const outcome = await apply(parts, userId, record, decision, { isCurrent, mayRevise: provider.mayRevise });
    if (outcome !== "raced") return outcome;
  }
  throw new TransientError("kyc.unsettled", "The verification changes faster than it can be followed.");
}

async function apply(
  { kyc, clock }: DecisionParts,
  userId: string,
  record: KycRecord | null,
  decision: KycDecision,
  trust: { isCurrent: boolean; mayRevise: boolean },
): Promise<Outcome | "raced"> {
  const before = record?.state;
  if (!before) return "superseded";
  const now = clock.now();
  const after = advance(before, decision, trust, now);
  if (typeof after === "string") return after;
  const written = await kyc.advance(userId, before, after, announcementOf(before, after), announceBy(now));
  return written ? "applied" : "raced";
}

/** Has the user told of every change that is still untold, in order, and notes when to look again. */
async function announce({ kyc, clock, recheckSeconds, tell }: DecisionParts, userId: string): Promise<void> {
  const record = await kyc.find(userId);
  if (!record?.state) return;
  for (const announcement of record.announcements) {
    await tell(userId, announcement);
    await kyc.announced(userId, announcement.version);
  }
  const { state } = record;
  const checkAt = state.status === "pending" ? nextCheckAt(state, recheckSeconds, clock.now()) : undefined;
  await kyc.scheduleCheck(userId, state.version, checkAt);
}
