import type { Logger } from "../../../core/logger";
import type { Answered } from "../rules";
import type { PresentationStore } from "../store";

/** A webhook as swiyu verifiers send one, which is a Standard Webhook too. */
export interface AnswerWebhook {
  id: string;
  secretOwner: string;
  url: string;
  type: string;
  timestamp: Date;
  data: object;
  topLevel: object;
}

/** What telling the owners of requests needs. */
export interface AnnounceDeps {
  presentations: Pick<PresentationStore, "markAnnounced">;
  findVerifier(verifierId: string): Promise<{ webhookUrl: string | null } | null>;
  /** Takes on a webhook, durably once this resolves; the same id again changes nothing. */
  deliver(webhook: AnswerWebhook): Promise<void>;
  /** Tells whoever in this process asked, durably once this resolves. Again changes nothing. */
  verificationAnswered(verificationId: string): Promise<void>;
}

/** Whether the owner of a request is to be told of its answer: a verifier that has a webhook, a client of this process. */
export async function isAnnounced(
  { findVerifier }: Pick<AnnounceDeps, "findVerifier">,
  { verifierId }: { verifierId: string },
): Promise<boolean> {
  const verifier = await findVerifier(verifierId);
  return verifier === null || verifier.webhookUrl !== null;
}

/**
 * Tells the owner of a request that it was answered: a verifier by its webhook, a client of this process through its
 * port. The message says nothing of the answer, which the owner reads. Safe to run twice and at once: whoever closed the
 * request does it, and the sweep does it again when that process died.
 */
export async function announceAnswer(
  deps: AnnounceDeps,
  { requestId, verifierId, answeredAt }: Answered,
): Promise<void> {
  const verifier = await deps.findVerifier(verifierId);
  if (verifier === null) await deps.verificationAnswered(requestId);
  else if (verifier.webhookUrl !== null) {
    await deps.deliver(webhookOf(requestId, verifierId, verifier.webhookUrl, answeredAt));
  }
  await deps.presentations.markAnnounced(requestId);
}

/** Tells without waiting and without failing: the wallet's answer must not depend on it, and the sweep finds what is left. */
export function announceLater(deps: AnnounceDeps & { logger: Logger }, answered: Answered): void {
  announceAnswer(deps, answered).catch((error: unknown) => {
    const { requestId } = answered;
    deps.logger.debug({ err: error, requestId }, "an answer was not announced; the sweep does it");
  });
}

function webhookOf(requestId: string, secretOwner: string, url: string, timestamp: Date): AnswerWebhook {
  const verification = { verification_id: requestId };
  return {
    id: `msg_${requestId}`,
    secretOwner,
    url,
    type: "presentation.answered",
    timestamp,
    data: verification,
    topLevel: verification,
  };
}
