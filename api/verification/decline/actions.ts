import type { Clock } from "../../../core/clock";
import { DomainError } from "../../../core/errors";
import { type CredentialDeps, type HoldingDeps, requireHeldCredential, requireVerification } from "../access";
import { type HolderEvents, tellDecided } from "../holderEvents";
import { statusAt, type Verification } from "../rules";
import type { Decided, VerificationStore } from "../store";

/** What declining a verifier's request needs. */
export interface DeclineDeps extends CredentialDeps, HoldingDeps, HolderEvents {
  verifications: Pick<VerificationStore, "find" | "recordDeclined">;
  clock: Clock;
  /** Hands the webhook over for delivery, without waiting. */
  handOver(verification: Decided): void;
}

/**
 * Declines a verifier's request in its holder's name: the verifier is told at once and need not wait for the challenge's
 * end. Declining again changes nothing, and gives what was said first. An answer that was under way is recorded all the
 * same: a use that was taken is never hidden.
 *
 * @param input.reason what the verifier is told, null for nothing
 * @throws DomainError `verification.unknown`, also when it asks for another holder's credential; `did.deactivated`,
 * `verification.decided`, `verification.challenge_expired`
 */
export async function declineRequest(
  deps: DeclineDeps,
  input: { userId: string; verificationId: string; reason: string | null },
): Promise<Verification> {
  const { userId, verificationId, reason } = input;
  const verification = await requireOfHolder(deps, { userId, verificationId });
  const at = deps.clock.now();
  requireOpen(verification, at);
  await deps.verifications.recordDeclined(verification, { at, reason });
  const recorded = await requireVerification(deps, { verificationId });
  if (recorded.status !== "declined") throw alreadyDecided();
  const { credentialId, subjectDid: did } = recorded;
  await tellDecided(deps, { verificationId, credentialId, did }, { status: "declined", at });
  deps.handOver(recorded);
  return recorded;
}

async function requireOfHolder(
  deps: DeclineDeps,
  { userId, verificationId }: { userId: string; verificationId: string },
): Promise<Verification> {
  const verification = await requireVerification(deps, { verificationId });
  try {
    await requireHeldCredential(deps, { userId, credentialId: verification.credentialId });
    return verification;
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== "credential.unknown") throw error;
    // Whether there is such a verification is nobody else's business.
    throw new DomainError("verification.unknown", "not_found", "There is no such verification of your credentials.");
  }
}

/** @throws DomainError unless nobody answered yet, or the holder declined before */
function requireOpen(verification: Verification, now: Date): void {
  const status = statusAt(verification, now);
  if (status === "pending" || status === "declined") return;
  if (status !== "expired") throw alreadyDecided();
  throw new DomainError("verification.challenge_expired", "gone", "The request ended before: nobody answered in time.");
}

function alreadyDecided(): DomainError {
  return new DomainError(
    "verification.decided",
    "conflict",
    "The request was answered before, and cannot be declined.",
  );
}
