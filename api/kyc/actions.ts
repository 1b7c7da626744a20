import { addSeconds, sleep } from "../../core/clock";
import { randomId } from "../../core/crypto";
import { DomainError, TransientError } from "../../core/errors";
import { type DecisionParts, type KycDelivery, recheck } from "./decisions/actions";
import type { BelievedDelivery, Delivery, DeliveryFault, KycProvider, ProviderSession } from "./providers/provider";
import { type KycState, type KycView, openedState, planStart, viewOf } from "./rules";
import type { KycOpening, KycStore } from "./store";

/** What users' own requests need. */
export interface KycParts extends DecisionParts {
  /** Who verifies new users. */
  chosen: KycProvider;
  /** Where people return to from the provider's page. */
  returnUrl: string;
}

/** A session that is pending, with the way in. */
export interface StartedVerification {
  state: KycState;
  session: ProviderSession;
  /** False when it was pending before. */
  isNew: boolean;
}

/** A reservation whose holder has not finished by now never will: longer than its calls to a provider may take. */
const RESERVATION_SECONDS = 30;

const WAIT_MS = 100;
const LOOKS = 60;

/**
 * Starts a user's verification, or leads back to the one that is pending. However many requests race, the provider is
 * asked for one session.
 *
 * @throws DomainError `kyc.already_verified`, `kyc.closed`, `kyc.no_account`;
 *   TransientError `kyc.provider_unavailable`, `kyc.busy`
 */
export async function startVerification(parts: KycParts, { userId }: { userId: string }): Promise<StartedVerification> {
  for (let look = 0; look < LOOKS; look += 1) {
    const now = parts.clock.now();
    const record = await parts.kyc.find(userId);
    if (record === null) throw new DomainError("kyc.no_account", "not_found", "This account is gone.");
    const { state, opening } = record;
    const provider = state === null ? undefined : parts.providers.get(state.provider);
    if (planStart(state, now) === "resume" && state !== null && provider !== undefined) {
      const resumed = await resume(parts, provider, { userId, state, resumeHandle: record.resumeHandle });
      if (resumed !== undefined) return resumed;
      continue;
    }
    if (opening !== null && addSeconds(opening.since, RESERVATION_SECONDS) > now) {
      await sleep(WAIT_MS);
      continue;
    }
    const reservation = { attemptId: opening?.attemptId ?? randomId(), since: now };
    const from = { version: state?.version ?? 0, stale: opening };
    if (!(await parts.kyc.reserveOpening(userId, from, reservation))) continue;
    const opened = await open(parts, { userId, previous: state, reservation });
    if (opened !== undefined) return opened;
  }
  throw new TransientError("kyc.busy", "Another request of yours is starting the verification.");
}

async function open(
  parts: KycParts,
  { userId, previous, reservation }: { userId: string; previous: KycState | null; reservation: KycOpening },
): Promise<StartedVerification | undefined> {
  const { kyc, chosen, returnUrl, clock, recheckSeconds } = parts;
  const { attemptId } = reservation;
  try {
    const created = await chosen.createSession({ userId, attemptId, returnUrl, now: clock.now() });
    const { resumeHandle, expiresAt, ...session } = created;
    const now = clock.now();
    const state = openedState({ provider: chosen.name, sessionId: session.sessionId, expiresAt }, previous, now);
    const checkAt = addSeconds(now, recheckSeconds);
    const kept = await kyc.open(userId, reservation, { state, resumeHandle: resumeHandle ?? null, checkAt });
    return kept ? { state, session, isNew: true } : undefined;
  } catch (error) {
    await kyc.releaseOpening(userId, attemptId);
    throw error;
  }
}

/** Undefined when the session turned out to be over: then what to do is to be decided anew. */
async function resume(
  parts: KycParts,
  provider: KycProvider,
  { userId, state, resumeHandle }: { userId: string; state: KycState; resumeHandle: string | null },
): Promise<StartedVerification | undefined> {
  const { sessionId } = state;
  const { returnUrl } = parts;
  try {
    const session = await provider.resumeSession({
      userId,
      sessionId,
      resumeHandle,
      returnUrl,
      now: parts.clock.now(),
    });
    return { state, session, isNew: false };
  } catch (error) {
    await recheck(parts, userId);
    const after = (await parts.kyc.find(userId))?.state;
    if (after?.version === state.version) throw error;
    return undefined;
  }
}

/** Where a user's verification stands. */
export async function showVerification(
  { kyc, clock }: Pick<KycParts, "kyc" | "clock">,
  { userId }: { userId: string },
): Promise<KycView> {
  return viewOf((await kyc.find(userId))?.state ?? null, clock.now());
}

/**
 * Lets only verified holders pass.
 *
 * @throws DomainError `kyc.required`
 */
export async function requireVerified({ kyc }: { kyc: KycStore }, userId: string): Promise<KycState> {
  const state = (await kyc.find(userId))?.state;
  if (state?.status === "verified") return state;
  const mend = "verify it with POST /api/kyc/start-verification";
  throw new DomainError("kyc.required", "forbidden", `This needs a verified identity: ${mend}.`, {
    details: { kycStatus: state?.status ?? "not_verified" },
  });
}

/** What became of a delivery, for the metric. */
export type DeliveryOutcome = "accepted" | "duplicate" | "ignored" | "malformed" | `refused_${DeliveryFault}`;

/** What hearing a provider needs. */
export interface HearingParts extends Pick<KycParts, "providers" | "clock"> {
  /** Keeps a delivery, durably; false when it was kept before. */
  keep(delivery: { source: "kyc"; deliveryKey: string; facts: KycDelivery; requestId: string }): Promise<boolean>;
  count(provider: string, outcome: DeliveryOutcome): void;
}

/**
 * Hears a provider's webhook. When this resolves, what it says is durable and the provider need not repeat it.
 *
 * @throws DomainError `webhook.unverified`, `webhook.malformed`, `webhook.unknown_provider`
 */
export async function hearDelivery(
  parts: HearingParts,
  input: { provider: string; delivery: Delivery; requestId: string },
): Promise<void> {
  const provider = parts.providers.get(input.provider);
  if (provider === undefined) {
    throw new DomainError("webhook.unknown_provider", "not_found", "No provider of this name is configured here.");
  }
  const { name } = provider;
  const fault = provider.verifyDelivery(input.delivery, parts.clock.now());
  if (fault !== undefined) {
    parts.count(name, `refused_${fault}`);
    // One answer for every fault: whoever forges learns nothing by trying.
    throw new DomainError(
      "webhook.unverified",
      "unauthenticated",
      "The delivery is not signed by this provider, or not now.",
    );
  }
  const { deliveryKey, decision } = parse(parts, provider, input.delivery);
  if (decision === undefined) {
    parts.count(name, "ignored");
    return;
  }
  const facts = { provider: name, decision };
  const isNew = await parts.keep({ source: "kyc", deliveryKey, facts, requestId: input.requestId });
  parts.count(name, isNew ? "accepted" : "duplicate");
}

function parse(parts: HearingParts, provider: KycProvider, delivery: Delivery): BelievedDelivery {
  try {
    return provider.parseDelivery(delivery);
  } catch (error) {
    parts.count(provider.name, "malformed");
    throw error;
  }
}
