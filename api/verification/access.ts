import { DomainError } from "../../core/errors";
import type { PresentedCredential, Verification } from "./rules";
import type { VerificationStore } from "./store";

/** Reads credentials. */
export interface CredentialDeps {
  findCredential(credentialId: string): Promise<PresentedCredential | null>;
}

/** @throws DomainError `credential.unknown` */
export async function requireCredential(
  { findCredential }: CredentialDeps,
  credentialId: string,
): Promise<PresentedCredential> {
  return (await findCredential(credentialId)) ?? throwUnknown();
}

/**
 * A credential of one of the user's DIDs.
 *
 * @throws DomainError `credential.unknown`, also when it is another holder's
 */
export async function requireHeldCredential(
  deps: CredentialDeps & {
    /** The DIDs a user has proved control of. */
    didsOf(userId: string): Promise<string[]>;
  },
  { userId, credentialId }: { userId: string; credentialId: string },
): Promise<PresentedCredential> {
  const [credential, dids] = await Promise.all([requireCredential(deps, credentialId), deps.didsOf(userId)]);
  return dids.includes(credential.subjectDid) ? credential : throwUnknown();
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
