import { isSignedByKey, requireKeyForm } from "../../../chain/registry/accountSignature";
import type { Clock } from "../../../core/clock";
import { DomainError } from "../../../core/errors";
import { type CredentialDeps, requireCredential, requireVerification } from "../access";
import { comparePresented, credentialIdOf } from "./issuerSignature";
import { inTurns, type PresentedCredential, type Verification } from "../rules";
import type { VerificationStore } from "../store";
import { hashConfirmation } from "./confirmationHash";
import { addressOf, type FactDeps, isSignedBy } from "./gatherFacts";

/** What finding the request that a signature answers needs. */
export interface AnsweredRequestDeps extends CredentialDeps, Pick<FactDeps, "facts" | "chain"> {
  verifications: Pick<VerificationStore, "find" | "pendingFor" | "decidedFor">;
  clock: Clock;
}

/** A holder's answer; it names the verification, or the credential by its id or as the holder has it. */
export interface Answer {
  answers: { verificationId: string } | { credentialId: string } | { jwt: string };
  signature: string;
  /** The credential's subject when absent. */
  presenterDid: string | undefined;
}

/** Requests that a key's signature is compared with, which costs no call of the chain. */
const MAX_COMPARED = 20;
const MAX_READ = 500;
/** Requests for which the chain is asked whether a contract or a passkey signed: anybody can cause these calls. */
const MAX_ASKED = 3;

/**
 * Finds the verification that a holder answers, and who presents.
 *
 * Where the credential is named, it is the newest open request whose challenge the holder signed, or the presenter where
 * that is somebody else; before those, a request that this very answer decided. A signature that answers none decides
 * none: whoever knows a credential's id could else end all of its requests.
 *
 * @throws DomainError `verification.unknown`, `credential.unknown`, `credential.altered`, `verification.none_pending`,
 * `verification.holder_mismatch`, `signature.malformed`
 * @throws TransientError when the chain cannot be asked
 */
export async function findAnsweredRequest(
  deps: AnsweredRequestDeps,
  { answers, signature, presenterDid }: Answer,
): Promise<{ verificationId: string; presenterDid: string }> {
  if ("verificationId" in answers) {
    const { verificationId } = answers;
    if (presenterDid !== undefined) return { verificationId, presenterDid };
    return { verificationId, presenterDid: (await requireVerification(deps, { verificationId })).subjectDid };
  }
  const credential = await requireNamed(deps, answers);
  const presenter = presenterDid ?? credential.subjectDid;
  const named = { credential, signature, presenterDid: presenter };
  // First what is open, then what is decided: a request that is decided in between is found among both, not in neither.
  const pending = await deps.verifications.pendingFor(credential.credentialId, deps.clock.now(), MAX_READ);
  const { verificationId } = (await findRepeated(deps, named)) ?? (await findSigned(deps, named, pending));
  return { verificationId, presenterDid: presenter };
}

async function requireNamed(
  deps: CredentialDeps,
  named: { credentialId: string } | { jwt: string },
): Promise<PresentedCredential> {
  if ("credentialId" in named) return requireCredential(deps, named.credentialId);
  const credential = await requireCredential(deps, credentialIdOf(named.jwt) ?? "");
  if (comparePresented(named.jwt, credential.jwt).foreign === null) return credential;
  const message = "The credential is not the one that was issued under its id; nothing was consumed.";
  throw new DomainError("credential.altered", "invalid", message);
}

interface NamedAnswer {
  credential: PresentedCredential;
  signature: string;
  presenterDid: string;
}

async function findRepeated(
  { verifications }: Pick<AnsweredRequestDeps, "verifications">,
  { credential, signature, presenterDid }: NamedAnswer,
): Promise<Verification | undefined> {
  const decided = await verifications.decidedFor(credential.credentialId, MAX_COMPARED);
  return decided.find(
    ({ verificationId, decision }) =>
      decision?.confirmationHash === hashConfirmation({ verificationId, signature, presenterDid }),
  );
}

/** @param pending requests nobody had answered, the newest first */
async function findSigned(
  deps: AnsweredRequestDeps,
  answer: NamedAnswer,
  pending: Verification[],
): Promise<Verification> {
  const { signature, credential } = answer;
  const open = inTurns(pending, MAX_COMPARED);
  if (open.length === 0) {
    throw new DomainError("verification.none_pending", "not_found", "No verifier asks for this credential right now.");
  }
  const { issuer, index, subjectDid } = credential;
  const { holder } = await deps.facts.read({ issuer, index, subject: addressOf(subjectDid) });
  const accounts = [...new Set([holder ?? [], addressOf(answer.presenterDid)].flat())];
  const claims = open.flatMap((request) =>
    accounts.map((account) => ({ request, claim: { account, digest: request.challenge.digest, signature } })),
  );
  const ofKey = claims.find(({ claim }) => isSignedByKey(claim));
  if (ofKey !== undefined) return ofKey.request;
  for (const { request, claim } of claims.slice(0, MAX_ASKED * accounts.length)) {
    if (await isSignedBy(deps.chain, claim)) return request;
  }
  for (const { claim } of claims.slice(0, 1)) requireKeyForm(claim);
  const message = "The signature is not the holder's over the challenge of any open request; nothing was consumed.";
  throw new DomainError("verification.holder_mismatch", "forbidden", message);
}
