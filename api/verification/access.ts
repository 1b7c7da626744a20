import { DomainError } from "../../core/errors";
import type { PresentedCredential, Verification } from "./rules";
import type { VerificationStore } from "./store";

/** Reads credentials. */
export interface CredentialDeps {
  findCredential(credentialId: string): Promise<PresentedCredential | null>;
}

/** Says who holds DIDs. */
export interface HoldingDeps {
  /** How a user holds a DID: as its controller, as who controlled it when it was deactivated, or not at all. */
  holdingOf(asked: { userId: string; did: string }): Promise<"holder" | "deactivated" | "none">;
}

/** @throws DomainError `credential.unknown` */
export async function requireCredential(
  { findCredential }: CredentialDeps,
  credentialId: string,
): Promise<PresentedCredential> {
  return (await findCredential(credentialId)) ?? throwUnknown();
}

/**
 * A credential of a DID that one of the user's wallets controls now.
 *
 * @throws DomainError `credential.unknown`, also when it is another holder's; `did.deactivated` when nobody is any more
 */
export async function requireHeldCredential(
  deps: CredentialDeps & HoldingDeps,
  { userId, credentialId }: { userId: string; credentialId: string },
): Promise<PresentedCredential> {
  const credential = await requireCredential(deps, credentialId);
  const { subjectDid: did } = credential;
  const holding = await deps.holdingOf({ userId, did });
  if (holding === "none") throwUnknown();
  if (holding === "holder") return credential;
  const message = `${did} was deactivated, which is final: nobody holds its credentials any more.`;
  throw new DomainError("did.deactivated", "gone", message, { details: { did } });
}

function throwUnknown(): never {
  throw new DomainError("credential.unknown", "not_found", "There is no such credential here.");
}

/**
 * A verification; with `verifierId`, one of this verifier.
 *
 * @throws DomainError `verification.unknown`, also when it is another verifier's
 */
export async function requireVerification(
  { verifications }: { verifications: Pick<VerificationStore, "find"> },
  { verificationId, verifierId }: { verificationId: string; verifierId?: string },
): Promise<Verification> {
  const verification = await verifications.find(verificationId);
  if (verification !== null && (verifierId ?? verification.verifierId) === verification.verifierId) return verification;
  throw new DomainError(
    "verification.unknown",
    "not_found",
    "There is no such verification, or it is another verifier's.",
  );
}
