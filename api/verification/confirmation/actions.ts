import type { Clock } from "../../../core/clock";
import { TransientError } from "../../../core/errors";
import { type CredentialDeps, requireCredential, requireVerification } from "../access";
import {
  decisionOf,
  type Decision,
  type Presented,
  type PresentedCredential,
  type RecordedUse,
  type Verification,
} from "../rules";
import type { VerificationStore } from "../store";
import { recordRejection, type RecordRejectionDeps, recordUse, type RecordUseDeps } from "../usage/actions";
import { hashConfirmation } from "./confirmationHash";
import { type ConfirmationAttempt, type FactDeps, gatherFacts, type GatheredFacts } from "./gatherFacts";
import { readClaims } from "./issuerSignature";
import { evaluate, type Rejection, rejectionError, repeatedRejection, type Verdict } from "./rules";

/** What the decision on a confirmation needs. */
export interface ConfirmDeps extends FactDeps, CredentialDeps, RecordUseDeps, RecordRejectionDeps {
  verifications: Pick<VerificationStore, "find" | "recordVerified" | "recordFailed">;
  clock: Clock;
  /** Takes one use by one conditional write; of any number of callers as many get true as there are uses left. */
  takeUse(credentialId: string, maxUsages: number, use: RecordedUse): Promise<boolean>;
  /** Observes the named moments between which a crash leaves different traces; crash tests end the process here. */
  onStep?: ((step: ConfirmStep) => void | Promise<void>) | undefined;
}

export type ConfirmStep = "received" | "read" | "evaluated" | "taken" | "recorded" | "rejected";

/** A holder's answer to a challenge. */
export interface Confirmation {
  verificationId: string;
  /** Over the challenge's text (EIP-191), `0x` and hexadecimal digits. */
  signature: string;
  presenterDid: string;
  ip: string;
}

/** A presentation that passed. */
export interface Presentation extends Presented {
  verification: Verification;
  decision: Decision;
}

/** Taking a use can fail for a passing reason, such as a hold that was lifted in between; so often in a row it cannot. */
const MAX_ATTEMPTS = 4;

/**
 * Decides on a confirmation: gathers what the seven checks look at, evaluates them, and takes one use of the credential
 * by one conditional write. The very confirmation that was decided on gets the same answer again, in whatever encoding
 * its signature comes. One that can be nobody's signature decides nothing.
 *
 * @throws DomainError `verification.unknown`, or the RejectionCode of the check that failed, with every check by name
 * @throws DomainError `signature.malformed`
 * @throws TransientError when the chain cannot be asked: nothing passes then
 */
export async function confirm(deps: ConfirmDeps, confirmation: Confirmation): Promise<Presentation> {
  const verification = await requireVerification(deps, { verificationId: confirmation.verificationId });
  await deps.onStep?.("received");
  requireUndecided(verification, hashConfirmation(confirmation));
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const presentation = await decide(deps, confirmation, verification);
    if (presentation !== null) return presentation;
  }
  throw new TransientError(
    "verification.contended",
    "The credential's state changed over and over while it was verified.",
  );
}

/** @throws DomainError the rejection that was decided on for this very confirmation */
function requireUndecided({ verificationId, decision }: Verification, confirmationHash: string): void {
  if (decision === null || decision.code === null || decision.confirmationHash !== confirmationHash) return;
  throw repeatedRejection(verificationId, { code: decision.code, message: decision.message });
}

/** Decides by the state as it is now; null when that changed before the use was taken. */
async function decide(
  deps: ConfirmDeps,
  confirmation: Confirmation,
  verification: Verification,
): Promise<Presentation | null> {
  const credential = await requireCredential(deps, verification.credentialId);
  const { presenterDid, signature, ip } = confirmation;
  const confirmationHash = hashConfirmation(confirmation);
  const own = credential.uses.find(({ verificationId }) => verificationId === verification.verificationId);
  if (own?.confirmationHash === confirmationHash) return repeatAnswer(deps, { verification, credential, use: own });

  const at = deps.clock.now();
  const attempt = { verification, credential, presenterDid, signature, confirmationHash, ip, at };
  const gathered = await gatherFacts(deps, attempt);
  await deps.onStep?.("read");
  const verdict = evaluate(gathered.facts);
  await deps.onStep?.("evaluated");
  if (verdict.rejection !== null) return reject(deps, attempt, { ...verdict, rejection: verdict.rejection }, gathered);
  return takeUse(deps, attempt, gathered);
}

/** The answer to the confirmation that took a use, again; whatever its first answer left unrecorded is recorded. */
async function repeatAnswer(
  deps: RecordUseDeps,
  taken: { verification: Verification; credential: PresentedCredential; use: RecordedUse },
): Promise<Presentation> {
  await recordUse(deps, taken);
  const { verification, credential, use } = taken;
  return { verification, decision: decisionOf(use), credential, claims: claimsShown(taken) };
}

/** Records a rejection, and throws it. */
async function reject(
  deps: ConfirmDeps,
  attempt: ConfirmationAttempt,
  { checks, rejection }: Verdict & { rejection: Rejection },
  { block, signer }: GatheredFacts,
): Promise<never> {
  const { presenterDid, confirmationHash, at } = attempt;
  const { code, message } = rejection;
  const decision: Decision = { code, message, presenterDid, signer, confirmationHash, decidedAt: at, block };
  await recordRejection(deps, { attempt: { ...attempt, signer }, rejection, decision });
  await deps.onStep?.("rejected");
  throw rejectionError(attempt.verification.verificationId, { checks, rejection });
}

/** Takes one use and records it; null when none was there to take. */
async function takeUse(
  deps: ConfirmDeps,
  { verification, credential, presenterDid, confirmationHash, ip, at }: ConfirmationAttempt,
  { block, signed }: GatheredFacts,
): Promise<Presentation | null> {
  if (signed === null) throw new RangeError("a presentation passed without an issuer's signature");
  const { verificationId, verifierId, verifierName } = verification;
  const use: RecordedUse = {
    verificationId,
    verifierId,
    verifierName,
    presenterDid,
    confirmationHash,
    ip,
    usedAt: at,
    block,
  };
  if (!(await deps.takeUse(credential.credentialId, credential.maxUsages, use))) return null;
  await deps.onStep?.("taken");
  await recordUse(deps, { verification, credential, use });
  await deps.onStep?.("recorded");
  const claims = claimsShown({ verification, credential });
  return { verification, decision: decisionOf(use), credential, claims };
}

/** What the verifier was shown of the credential, all of it where it was only named. */
function claimsShown(presented: {
  verification: Verification;
  credential: PresentedCredential;
}): Record<string, unknown> {
  return readClaims(presented.credential.jwt, presented.verification.disclosed);
}
