import type { Logger } from "../../core/logger";
import { checksNotReached, checksOf } from "./checks";
import type { Verification } from "./rules";
import type { Decided, VerificationStore } from "./store";
import type { VerifierStore } from "./verifiers/store";

/** The webhook about an outcome: a decision, or that nobody answered in time. */
export interface OutcomeWebhook {
  /** One an outcome: a verifier recognizes by it a message that it got before. */
  id: string;
  /** The verifier, whose secret signs it. */
  secretOwner: string;
  url: string;
  type: string;
  timestamp: Date;
  data: object;
  /** The ids of webhooks that this one replaces. */
  supersedes: string[];
}

/** Outcomes that a use which was taken meanwhile replaces. */
const SUPERSEDED: Verification["status"][] = ["failed", "declined", "expired"];

/** What handing over webhooks needs. */
export interface HandOverDeps {
  verifications: Pick<VerificationStore, "find" | "markHandedOver">;
  verifiers: Pick<VerifierStore, "find">;
  /** Takes on a webhook, durably once this resolves; the same id again changes nothing. */
  deliver(webhook: OutcomeWebhook): Promise<void>;
}

/**
 * Hands the webhook of an outcome over for delivery, if it still waits for that. Safe to run twice and at once: whoever
 * decided does it, and the sweep does it again when that process died.
 */
export async function handOverOutcome(deps: HandOverDeps, verificationId: string): Promise<void> {
  const { verifications, verifiers } = deps;
  let verification = await verifications.find(verificationId);
  if (verification === null || verification.deliveryPendingSince === null) return;
  for (;;) {
    const verifier = await verifiers.find(verification.verifierId);
    const url = verifier?.webhookUrl ?? null;
    if (url !== null) await deps.deliver(outcomeWebhook(verification, url));
    if (await verifications.markHandedOver(verificationId, verification.status)) return;
    // A stranger's failure was handed over while the holder's success was recorded: that one replaces it.
    verification = await verifications.find(verificationId);
    if (verification === null) return;
  }
}

/** Hands over without waiting and without failing: an answer must not depend on it, and the sweep finds what is left. */
export function handOverLater(deps: HandOverDeps & { logger: Logger }, verification: Decided): void {
  const { verificationId, wantsWebhook } = verification;
  if (!wantsWebhook) return;
  handOverOutcome(deps, verificationId).catch((error: unknown) => {
    deps.logger.debug({ err: error, verificationId }, "a webhook was not handed over; the sweep does it");
  });
}

function outcomeWebhook(verification: Verification, url: string): OutcomeWebhook {
  const { verificationId, verifierId, credentialId, decision, declined, status, challenge } = verification;
  const code = decision?.code ?? null;
  return {
    id: messageIdOf(verificationId, status),
    secretOwner: verifierId,
    url,
    type: `verification.${status}`,
    timestamp: decision?.decidedAt ?? declined?.at ?? challenge.expiresAt,
    data: {
      verificationId,
      credentialId,
      status,
      code,
      checks: decision === null ? checksNotReached() : checksOf(code),
    },
    supersedes: status === "verified" ? SUPERSEDED.map((former) => messageIdOf(verificationId, former)) : [],
  };
}

function messageIdOf(verificationId: string, status: Verification["status"]): string {
  return `msg_${verificationId}_${status}`;
}
