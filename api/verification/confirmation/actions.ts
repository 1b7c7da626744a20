import type { Clock } from "../../../core/clock";
import { sha256Hex } from "../../../core/hash";
import { DomainError, TransientError } from "../../../core/errors";
import type { Chain } from "../../../chain/client";
import { approvesSignature } from "../../../chain/registry/contractWallet";
import { recoverAddress } from "../../../chain/signature";
import type { CredentialFacts } from "../../../chain/registry/credentialFacts";
import type { FactReader } from "./chainFacts";
import { type AssertionKey, type SignedContent, verifyCredential } from "./issuerSignature";
import {
  type Attempt,
  type RecordedUse,
  type RecordingDeps,
  type UsedCredential,
  decisionOf,
  recordRejection,
  recordUndecided,
  recordUse,
} from "../usage/actions";
import { type Facts, evaluate, rejectionError } from "../rules";
import type { Decision, Verification } from "../store";

/** What a verification reads of a credential. The credentials' slice has more. */
export interface PresentedCredential extends UsedCredential {
  issuerDid: string;
  issuerName: string;
  index: number;
  type: string;
  jwt: string;
  status: "ACTIVE" | "USED";
  hold: { change: "revoke" | "suspend" } | null;
  maxUsages: number;
  usageCount: number;
  uses: RecordedUse[];
  expiresAt: Date;
}

/** What the decision on a confirmation needs from around it. */
export interface ConfirmDeps extends RecordingDeps {
  clock: Clock;
  facts: FactReader;
  findCredential(credentialId: string): Promise<PresentedCredential | null>;
  /** Takes one use by one conditional write; of any number of callers as many get true as there are uses left. */
  takeUse(credentialId: string, maxUsages: number, use: RecordedUse): Promise<boolean>;
  /** The keys that may sign for an issuer by the DID document of this digest. */
  assertionKeys(issuer: string, documentHash: string): Promise<AssertionKey[]>;
  chain: Pick<Chain, "provider">;
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
export interface Presentation {
  verification: Verification;
  decision: Decision;
  credential: PresentedCredential;
  /** What the issuer signed of the holder. */
  claims: Record<string, unknown>;
}

/** The take can fail for a passing reason, such as a hold that was lifted in between; so often in a row it cannot. */
const MAX_ROUNDS = 4;

/**
 * Decides on a confirmation: gathers what the seven checks look at, judges, and takes one use of the credential by one
 * conditional write. The very confirmation that took a use gets the same answer again.
 *
 * @throws DomainError `verification.unknown`, or one of REFUSAL_CODES with every check by name
 * @throws TransientError when the chain cannot be asked: nothing passes then
 */
export async function confirm(
  parts: ConfirmDeps,
  confirmation: Confirmation,
  verification: Verification,
): Promise<Presentation> {
  await parts.onStep?.("received");
  const confirmationHash = hashConfirmation(confirmation);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const credential = await requireCredential(parts, verification);
    const own = credential.uses.find(({ verificationId }) => verificationId === verification.verificationId);
    if (own?.confirmationHash === confirmationHash) return repeat(parts, { verification, credential, own });

    const at = parts.clock.now();
    const attempt: Attempt = {
      verification,
      credential,
      presenterDid: confirmation.presenterDid,
      ip: confirmation.ip,
      at,
    };
    const gathered = await gather(parts, {
      confirmation,
      attempt,
      credential,
      consumed: own !== undefined || isConsumed(verification),
    });
    await parts.onStep?.("read");
    const { checks, rejection } = evaluate(gathered.facts);
    await parts.onStep?.("evaluated");
    const { block } = gathered.chain;
    if (rejection !== null) {
      const { code, message } = rejection;
      const decision = {
        code,
        message,
        presenterDid: confirmation.presenterDid,
        confirmationHash,
        decidedAt: at,
        block,
      };
      await recordRejection(parts, attempt, { rejection, decision });
      await parts.onStep?.("rejected");
      throw rejectionError(verification.verificationId, { checks, rejection });
    }

    const { verificationId, verifierId, verifierName } = verification;
    const who = { verificationId, verifierId, verifierName, presenterDid: confirmation.presenterDid };
    const use: RecordedUse = { ...who, confirmationHash, ip: confirmation.ip, usedAt: at, block };
    if (!(await parts.takeUse(credential.credentialId, credential.maxUsages, use))) continue;
    await parts.onStep?.("taken");
    await recordUse(parts, verification, credential, use);
    await parts.onStep?.("recorded");
    return { verification, decision: decisionOf(use), credential, claims: claimsOf(gathered.signed) };
  }
  throw new TransientError(
    "verification.contended",
    "The credential's state changed over and over while it was verified.",
  );
}

/** The answer to the confirmation that took a use, again; whatever its first answer left unrecorded is recorded. */
async function repeat(
  parts: ConfirmDeps,
  { verification, credential, own }: { verification: Verification; credential: PresentedCredential; own: RecordedUse },
): Promise<Presentation> {
  await recordUse(parts, verification, credential, own);
  return { verification, decision: decisionOf(own), credential, claims: readClaims(credential.jwt) };
}

async function gather(
  parts: ConfirmDeps,
  {
    confirmation,
    attempt,
    credential,
    consumed,
  }: { confirmation: Confirmation; attempt: Attempt; credential: PresentedCredential; consumed: boolean },
): Promise<{ facts: Facts; chain: CredentialFacts; signed: SignedContent | null }> {
  const { verification } = attempt;
  const chain = await readChain(parts, attempt, credential);
  const [signed, signedByHolder] = await Promise.all([
    verifyIssued(parts, verification, credential, chain),
    isSignedByHolder(parts, confirmation, verification, credential, chain),
  ]);
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
    signedByHolder,
    challenge: { expiresAt: verification.challenge.expiresAt, consumed },
  };
  return { facts, chain, signed };
}

async function readChain(
  parts: ConfirmDeps,
  attempt: Attempt,
  { issuer, index, subjectDid }: PresentedCredential,
): Promise<CredentialFacts> {
  try {
    return await parts.facts.read({ issuer, index, subject: addressOf(subjectDid) });
  } catch (error) {
    if (error instanceof TransientError) await recordUndecided(parts, attempt);
    throw error;
  }
}

/** What the issuer signed, if the credential here is just that; the database is not believed over the signature. */
async function verifyIssued(
  parts: ConfirmDeps,
  { foreignJwt }: Verification,
  credential: PresentedCredential,
  { documentHash }: CredentialFacts,
): Promise<SignedContent | null> {
  if (foreignJwt !== null) return null;
  const keys = await parts.assertionKeys(credential.issuer, documentHash);
  const signed = await verifyCredential(credential.jwt, keys);
  if (signed === null) return null;
  const same =
    signed.iss === credential.issuerDid &&
    signed.jti === `urn:uuid:${credential.credentialId}` &&
    signed.credentialSubject.id === credential.subjectDid &&
    signed.exp === Math.floor(credential.expiresAt.getTime() / 1000);
  return same ? signed : null;
}

/** The holder is whoever controls the subject's DID; the presenter must say that it is the subject, too. */
async function isSignedByHolder(
  parts: ConfirmDeps,
  { signature, presenterDid }: Confirmation,
  { challenge }: Verification,
  { subjectDid }: PresentedCredential,
  { holder }: CredentialFacts,
): Promise<boolean> {
  if (holder === null || presenterDid !== subjectDid) return false;
  const { digest } = challenge;
  try {
    if (recoverAddress(digest, signature) === holder) return true;
  } catch (error) {
    // A contract wallet's signature has whatever form the contract likes.
    if (!(error instanceof DomainError)) throw error;
  }
  return approvesSignature(parts.chain, { walletAddress: holder, digest, signature });
}

async function requireCredential(parts: ConfirmDeps, { credentialId }: Verification): Promise<PresentedCredential> {
  const credential = await parts.findCredential(credentialId);
  if (credential === null) throw new RangeError(`the credential ${credentialId} of a verification is gone`);
  return credential;
}

/** Whether an answer was decided on: a second one is another answer, whatever it says. */
function isConsumed({ status }: Verification): boolean {
  return status !== "pending";
}

function hashConfirmation({ verificationId, signature, presenterDid }: Confirmation): string {
  return sha256Hex(`${verificationId}\n${presenterDid}\n${signature.toLowerCase()}`);
}

function claimsOf(signed: SignedContent | null): Record<string, unknown> {
  if (signed === null) throw new RangeError("a presentation passed without an issuer's signature");
  const { id: _subject, ...claims } = signed.credentialSubject;
  return claims;
}

/** The claims of a credential whose signature was verified before. */
export function readClaims(jwt: string): Record<string, unknown> {
  const [, payload = ""] = jwt.split(".");
  return claimsOf(JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as SignedContent);
}

/** The address in a DID of the registry: `did:<method>:0x...`. */
function addressOf(did: string): string {
  return did.slice(did.lastIndexOf(":") + 1);
}
