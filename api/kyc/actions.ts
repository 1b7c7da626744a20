import { addSeconds, sleep } from "../../core/clock";
import { randomId } from "../../core/crypto";
import { DomainError, TransientError } from "../../core/errors";
import { type DecisionDeps, type KycDelivery, recheck } from "./decisions/actions";
import type { VerifiedDelivery, Delivery, DeliveryRejection, KycProvider, ProviderSession } from "./providers/provider";
import { type KycState, type KycView, planStart, startedState, underReview, viewOf } from "./rules";
import type { SessionClaim, KycStore } from "./store";

/** What users' own requests need. */
export interface KycDeps extends DecisionDeps {
  /** Null when the account is gone. */
  recipientOf(userId: string): Promise<unknown>;
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

/** A claim whose request has not finished by now never will: longer than its calls to a provider may take. */
const CLAIM_SECONDS = 30;

const POLL_INTERVAL_MS = 100;
const MAX_POLLS = 60;

/**
 * Starts a user's verification, or leads back to the one that is pending. However many requests race, the provider is
 * asked for one session. Before a pending session is replaced by a new one, its provider is asked what became of it.
 *
 * @throws DomainError `kyc.already_verified`, `kyc.closed`, `kyc.under_review`, `kyc.no_account`;
 *   TransientError `kyc.provider_unavailable`, `kyc.busy`
 */
export async function startVerification(deps: KycDeps, { userId }: { userId: string }): Promise<StartedVerification> {
  if ((await deps.recipientOf(userId)) === null) {
    throw new DomainError("kyc.no_account", "not_found", "This account is gone.");
  }
  let isRechecked = false;
  for (let poll = 0; poll < MAX_POLLS; poll += 1) {
    const now = deps.clock.now();
    const record = await deps.kyc.find(userId);
    const { state, claim } = record;
    const provider = state === null ? undefined : deps.providers.get(state.provider);
    const plan = planStart(state, now);
    if (plan !== "resume" && state?.status === "pending" && provider !== undefined) {
      // Its webhook may be lost: a review or a decision that the provider knows of is not thrown away.
      if (!isRechecked) {
        isRechecked = true;
        await recheck(deps, userId);
        continue;
      }
      if (plan === "wait") throw underReview();
    }
    if (plan === "resume" && state !== null && provider !== undefined) {
      const resumed = await resumeSession(deps, provider, { userId, state, resumeHandle: record.resumeHandle });
      if (resumed !== undefined) return resumed;
      continue;
    }
    if (claim !== null && addSeconds(claim.since, CLAIM_SECONDS) > now) {
      await sleep(POLL_INTERVAL_MS);
      continue;
    }
    const own = { attemptId: claim?.attemptId ?? randomId(), since: now };
    const from = { version: state?.version ?? 0, stale: claim };
    if (!(await deps.kyc.claimSession(userId, from, own))) continue;
    const opened = await startSession(deps, { userId, previous: state, claim: own });
    if (opened !== undefined) return opened;
  }
  throw new TransientError("kyc.busy", "Another request of yours is starting the verification.");
}

async function startSession(
  deps: KycDeps,
  { userId, previous, claim }: { userId: string; previous: KycState | null; claim: SessionClaim },
): Promise<StartedVerification | undefined> {
  const { kyc, chosen, returnUrl, clock, settings } = deps;
  try {
    const { attemptId } = claim;
    const created = await chosen.createSession({ userId, attemptId, returnUrl, now: clock.now() });
    const { resumeHandle, expiresAt, ...session } = created;
    const now = clock.now();
    const state = startedState({ provider: chosen.name, sessionId: session.sessionId, expiresAt }, previous, now);
    const checkAt = addSeconds(now, settings.recheckSeconds);
    const started = await kyc.startSession(userId, claim, { state, resumeHandle: resumeHandle ?? null, checkAt });
    if (started) return { state, session, isNew: true };
    // The claim was taken over, or the verification moved on meanwhile: planned again.
    await kyc.releaseClaim(userId, claim);
    return undefined;
  } catch (error) {
    await kyc.releaseClaim(userId, claim);
    throw error;
  }
}

/** Resumes a pending session. Undefined when it turned out to be over: the caller then plans again. */
async function resumeSession(
  deps: KycDeps,
  provider: KycProvider,
  { userId, state, resumeHandle }: { userId: string; state: KycState; resumeHandle: string | null },
): Promise<StartedVerification | undefined> {
  const { sessionId } = state;
  const { returnUrl } = deps;
  try {
    const session = await provider.resumeSession({
      userId,
      sessionId,
      resumeHandle,
      returnUrl,
      now: deps.clock.now(),
    });
    return { state, session, isNew: false };
  } catch (error) {
    await recheck(deps, userId);
    const after = (await deps.kyc.find(userId)).state;
    if (after?.version === state.version) throw error;
    return undefined;
  }
}

/** Where a user's verification stands. */
export async function showVerification(
  { kyc, clock }: Pick<KycDeps, "kyc" | "clock">,
  { userId }: { userId: string },
): Promise<KycView> {
  return viewOf((await kyc.find(userId)).state ?? null, clock.now());
}

/**
 * Lets only verified holders pass.
 *
 * @throws DomainError `kyc.required`
 */
export async function requireVerified({ kyc }: { kyc: KycStore }, userId: string): Promise<KycState> {
  const state = (await kyc.find(userId)).state;
  if (state?.status === "verified") return state;
  const fix = "verify it with POST /api/kyc/start-verification";
  throw new DomainError("kyc.required", "forbidden", `This needs a verified identity: ${fix}.`, {
    details: { kycStatus: state?.status ?? "not_verified" },
  });
}

/** Where nobody verifies identities, nobody's is verified. */
export function refuseAll(_userId: string): Promise<KycState> {
  return Promise.reject(new DomainError("kyc.required", "forbidden", "This needs a verified identity."));
}

/** What became of a delivery, for the metric. */
export type DeliveryOutcome = "accepted" | "duplicate" | "ignored" | "malformed" | `refused_${DeliveryRejection}`;

/** What receiving a provider's webhook needs. */
export interface ReceiveWebhookDeps extends Pick<KycDeps, "providers" | "clock"> {
  /** Stores a verified delivery durably; false when it was stored before. */
  receive(delivery: { source: "kyc"; deliveryKey: string; facts: KycDelivery; requestId: string }): Promise<boolean>;
  /** Counts a delivery by what became of it. */
  count(source: "kyc", provider: string, outcome: DeliveryOutcome): void;
}

/**
 * Receives a provider's webhook. When this resolves its content is stored durably and may be acknowledged.
 *
 * @throws DomainError `webhook.unverified`, `webhook.malformed`, `webhook.unknown_provider`
 */
export async function receiveWebhook(
  deps: ReceiveWebhookDeps,
  input: { provider: string; delivery: Delivery; requestId: string },
): Promise<void> {
  const provider = deps.providers.get(input.provider);
  if (provider === undefined) {
    throw new DomainError("webhook.unknown_provider", "not_found", "No provider of this name is configured here.");
  }
  const { name } = provider;
  const rejection = provider.verifyDelivery(input.delivery, deps.clock.now());
  if (rejection !== undefined) {
    deps.count("kyc", name, `refused_${rejection}`);
    // The same answer for every reason: a forger learns nothing by trying.
    throw new DomainError(
      "webhook.unverified",
      "unauthenticated",
      "The delivery is not signed by this provider, or not now.",
    );
  }
  const { deliveryKey, decision } = parse(deps, provider, input.delivery);
  if (decision === undefined) {
    deps.count("kyc", name, "ignored");
    return;
  }
  const facts = { provider: name, decision };
  const isNew = await deps.receive({ source: "kyc", deliveryKey, facts, requestId: input.requestId });
  deps.count("kyc", name, isNew ? "accepted" : "duplicate");
}

function parse(deps: ReceiveWebhookDeps, provider: KycProvider, delivery: Delivery): VerifiedDelivery {
  try {
    return provider.parseDelivery(delivery);
  } catch (error) {
    deps.count("kyc", provider.name, "malformed");
    throw error;
  }
}
