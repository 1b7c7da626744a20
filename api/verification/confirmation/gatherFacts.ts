import type { Chain } from "../../../chain/client";
import {
  recoverSigner,
  requireKeyForm,
  type SignatureClaim,
  verifyAccountSignature,
} from "../../../chain/registry/accountSignature";
import type { CredentialFacts } from "../../../chain/registry/credentialFacts";
import { DomainError, TransientError } from "../../../core/errors";
import type { PresentedCredential, Verification } from "../rules";
import { type Attempt, recordUndecided } from "../usage/actions";
import type { UsageStore } from "../usage/store";
import type { FactReader } from "./chainFacts";
import { type AssertionKey, type SignedContent, verifyCredential } from "./issuerSignature";
import type { Facts } from "./rules";

/** What gathering facts needs. */
export interface FactDeps {
  facts: FactReader;
  usage: Pick<UsageStore, "append">;
  /** The keys that may sign for an issuer by the DID document of this digest. */
  assertionKeys(issuer: string, documentHash: string): Promise<AssertionKey[]>;
  chain: Pick<Chain, "provider" | "keyVerifiers">;
}

/** A confirmation that is being decided on. */
export interface ConfirmationAttempt extends Attempt {
  credential: PresentedCredential;
  /** Over the challenge's text (EIP-191), `0x` and hexadecimal digits. */
  signature: string;
  confirmationHash: string;
}

/** What the checks look at, and what it was gathered from. */
export interface GatheredFacts {
  facts: Facts;
  block: CredentialFacts["block"];
  /** What the issuer signed; null when it did not sign this credential. */
  signed: SignedContent | null;
  /** Whose signature it is; null when it names nobody. */
  signer: string | null;
}

/**
 * Gathers all that the seven checks look at. It only reads; when the chain cannot be asked, the attempt is logged.
 *
 * @throws DomainError `signature.malformed` when it can be nobody's signature: that is no attempt, and is not logged
 * @throws TransientError when the chain or the index cannot be asked
 */
export async function gatherFacts(deps: FactDeps, attempt: ConfirmationAttempt): Promise<GatheredFacts> {
  const { verification, credential } = attempt;
  const chain = await readChain(deps, attempt);
  const [signed, answered] = await Promise.all([verifyIssued(deps, attempt, chain), readSigner(deps, attempt, chain)]);
  const hasUse = credential.uses.some(({ verificationId }) => verificationId === verification.verificationId);
  const facts: Facts = {
    now: attempt.at,
    accredited: chain.accredited,
    signedByIssuer: signed !== null,
    expiresAt: credential.expiresAt,
    revoked: chain.revoked,
    suspended: chain.suspended,
    hold: credential.hold?.change ?? null,
    status: credential.status,
    usageCount: credential.usageCount,
    maxUsages: credential.maxUsages,
    lastUsedAt: credential.uses.at(-1)?.usedAt ?? null,
    subjectActive: chain.holder !== null,
    signedByHolder: answered.signedByHolder,
    challenge: { expiresAt: verification.challenge.expiresAt, consumed: hasUse || isDecided(verification) },
  };
  return { facts, block: chain.block, signed, signer: answered.signer };
}

async function readChain(
  deps: Pick<FactDeps, "facts" | "usage">,
  attempt: ConfirmationAttempt,
): Promise<CredentialFacts> {
  const { issuer, index, subjectDid } = attempt.credential;
  try {
    return await deps.facts.read({ issuer, index, subject: addressOf(subjectDid) });
  } catch (error) {
    if (error instanceof TransientError) await recordUndecided(deps, attempt);
    throw error;
  }
}

/** What the issuer signed; null unless the credential in the database says exactly the same. */
async function verifyIssued(
  deps: Pick<FactDeps, "assertionKeys">,
  { verification, credential }: ConfirmationAttempt,
  { documentHash }: CredentialFacts,
): Promise<SignedContent | null> {
  if (verification.foreignJwt !== null) return null;
  const keys = await deps.assertionKeys(credential.issuer, documentHash);
  const signed = await verifyCredential(credential.jwt, keys);
  if (signed === null) return null;
  const same =
    signed.iss === credential.issuerDid &&
    signed.jti === `urn:uuid:${credential.credentialId}` &&
    signed.credentialSubject.id === credential.subjectDid &&
    signed.exp === Math.floor(credential.expiresAt.getTime() / 1000);
  return same ? signed : null;
}

/**
 * Whose signature it is. The holder is whoever controls the subject's DID; the presenter must say that it is the subject,
 * too.
 */
async function readSigner(
  { chain }: Pick<FactDeps, "chain">,
  { verification, credential, presenterDid, signature }: ConfirmationAttempt,
  { holder }: CredentialFacts,
): Promise<{ signedByHolder: boolean; signer: string | null }> {
  const { digest } = verification.challenge;
  if (holder !== null && (await isSignedBy(chain, { account: holder, digest, signature }))) {
    return { signedByHolder: presenterDid === credential.subjectDid, signer: holder };
  }
  requireKeyForm({ digest, signature });
  return { signedByHolder: false, signer: await recoverSigner(chain, { digest, signature }) };
}

/** Whether an account signed; the signature of a key whose verifier is not accepted is nobody's. */
export async function isSignedBy(chain: FactDeps["chain"], claim: SignatureClaim): Promise<boolean> {
  try {
    return (await verifyAccountSignature(chain, claim)) !== null;
  } catch (error) {
    if (error instanceof DomainError) return false;
    throw error;
  }
}

/** Whether an answer was decided on, or refused: a second one is another answer, whatever it says. */
function isDecided({ status }: Verification): boolean {
  return status === "verified" || status === "failed" || status === "declined";
}

/** The address in a DID of the registry: `did:<method>:0x...`. */
export function addressOf(did: string): string {
  return did.slice(did.lastIndexOf(":") + 1);
}
