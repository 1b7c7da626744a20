import { hashMessage } from "ethers";
import { addSeconds, type Clock, sleep } from "../../core/clock";
import { randomId, randomNonce } from "../../core/crypto";
import { DomainError } from "../../core/errors";
import type { Context } from "../../process/context";
import {
  type CredentialDeps,
  type HoldingDeps,
  requireCredential,
  requireHeldCredential,
  requireVerification,
} from "./access";
import { formatChallenge } from "./challenge";
import { comparePresented, credentialIdOf, readClaims } from "./confirmation/issuerSignature";
import {
  inTurns,
  type Presented,
  type PresentedCredential,
  requireWithinQuota,
  statusAt,
  type Verification,
} from "./rules";
import { type HolderEvents, tellRequested } from "./holderEvents";
import type { OwnFilter, OwnPage, VerificationStore } from "./store";
import type { VerifierAccount, VerifierStore } from "./verifiers/store";

/** What requesting and reading verifications needs. */
export interface VerificationDeps extends CredentialDeps, HoldingDeps {
  verifiers: Pick<VerifierStore, "find">;
  verifications: Pick<
    VerificationStore,
    "insert" | "find" | "pendingFor" | "pendingOf" | "ofVerifier" | "countOpen" | "remove"
  >;
  /** The DIDs of a user's wallets, and who controls them now. */
  didsOf(userId: string): Promise<{ did: string; control: string }[]>;
  appendHolderEvent: HolderEvents["appendHolderEvent"];
  clock: Clock;
  config: Pick<Context["config"], "http" | "verification">;
}

/** A verification, and what its verifier may see of the credential: its content only once it is verified. */
export interface VerificationView {
  verification: Verification;
  status: ReturnType<typeof statusAt>;
  presented: Presented | null;
}

/** How often a waiting reader polls. */
const POLL_INTERVAL_MS = 250;

/** Requests shown to a holder at once, and those they are chosen from. */
const MAX_PENDING = 20;
const MAX_READ = 500;

/** Requests for all of a holder's credentials that are shown at once. */
const MAX_LISTED = 100;

/**
 * Requests the verification of a credential: its holder has to answer the challenge in time.
 *
 * @param input.presented the credential's id or its JWT, as the verifier was shown it
 * @throws DomainError `credential.unknown`, `verifier.unknown`, `verification.too_many_open`
 */
export async function requestVerification(
  deps: VerificationDeps,
  input: { verifierId: string; presented: { credentialId: string } | { jwt: string } },
): Promise<{ verification: Verification; credential: PresentedCredential }> {
  const { verifierId, presented } = input;
  const credentialId = "jwt" in presented ? credentialIdOf(presented.jwt) : presented.credentialId;
  const [verifier, credential] = await Promise.all([
    deps.verifiers.find(verifierId),
    requireCredential(deps, credentialId ?? ""),
  ]);
  if (verifier === null) throw new DomainError("verifier.unknown", "not_found", "There is no verifier of this id.");
  const shown =
    "jwt" in presented ? comparePresented(presented.jwt, credential.jwt) : { foreign: null, disclosed: null };
  const verificationId = randomId();
  const challenge = createChallenge(deps, { verificationId, verifier, credential });
  const verification: Verification = {
    verificationId,
    verifierId,
    verifierName: verifier.name,
    credentialId: credential.credentialId,
    subjectDid: credential.subjectDid,
    foreignJwt: shown.foreign,
    disclosed: shown.disclosed,
    challenge,
    status: "pending",
    decision: null,
    declined: null,
    wantsWebhook: verifier.webhookUrl !== null,
    deliveryPendingSince: null,
    createdAt: challenge.issuedAt,
  };
  await insertWithinQuota(deps, verification);
  // Before the verifier is answered: whoever dies before that is asked for another one.
  await tellRequested(deps, verification);
  return { verification, credential };
}

/** Counts once it is stored, so that of any number that open at once none gets past the quota. */
async function insertWithinQuota(
  { verifications, clock, config }: Pick<VerificationDeps, "verifications" | "clock" | "config">,
  verification: Verification,
): Promise<void> {
  const { maxOpen } = config.verification;
  await verifications.insert(verification);
  try {
    requireWithinQuota(await verifications.countOpen(verification, clock.now(), maxOpen), config.verification);
  } catch (error) {
    await verifications.remove(verification.verificationId);
    throw error;
  }
}

function createChallenge(
  { clock, config }: Pick<VerificationDeps, "clock" | "config">,
  input: { verificationId: string; verifier: VerifierAccount; credential: PresentedCredential },
): Verification["challenge"] {
  const { verificationId, verifier, credential } = input;
  const nonce = randomNonce();
  const issuedAt = clock.now();
  const expiresAt = addSeconds(issuedAt, config.verification.challengeSeconds);
  const message = formatChallenge({
    domain: new URL(config.http.publicUrl).host,
    verificationId,
    verifierName: verifier.name,
    credentialType: credential.type,
    issuerName: credential.issuerName,
    credentialId: credential.credentialId,
    nonce,
    issuedAt,
    expiresAt,
  });
  return { nonce, message, digest: hashMessage(message), issuedAt, expiresAt };
}

/**
 * What verifiers ask of a holder's credential right now, the newest first.
 *
 * @throws DomainError `credential.unknown` when it is none of the holder's, `did.deactivated`
 */
export async function listRequests(
  deps: Pick<VerificationDeps, "findCredential" | "holdingOf" | "verifications" | "clock">,
  input: { userId: string; credentialId: string },
): Promise<{ credential: PresentedCredential; requests: Verification[] }> {
  const credential = await requireHeldCredential(deps, input);
  const pending = await deps.verifications.pendingFor(input.credentialId, deps.clock.now(), MAX_READ);
  return { credential, requests: inTurns(pending, MAX_PENDING) };
}

/** A request of a verifier, and the credential that it is for. */
export interface OpenRequest {
  verification: Verification;
  credential: PresentedCredential;
}

/** What verifiers ask right now of all credentials that a user holds, of each verifier the newest first; at most 100. */
export async function listAllRequests(
  deps: Pick<VerificationDeps, "findCredential" | "verifications" | "clock" | "didsOf">,
  userId: string,
): Promise<OpenRequest[]> {
  const held = (await deps.didsOf(userId)).filter(({ control }) => control === "controlled").map(({ did }) => did);
  if (held.length === 0) return [];
  const pending = await deps.verifications.pendingOf(held, deps.clock.now(), MAX_READ);
  const shown = inTurns(pending, MAX_LISTED);
  const credentials = await Promise.all(shown.map(({ credentialId }) => deps.findCredential(credentialId)));
  return shown.flatMap((verification, place) => {
    const credential = credentials[place];
    // Erased in between.
    return credential === undefined || credential === null ? [] : [{ verification, credential }];
  });
}

/**
 * What became of a verification; waits for its decision when asked to.
 *
 * @param input.waitSeconds how long at most; 0 for not at all
 * @throws DomainError `verification.unknown`
 */
export async function readVerification(
  deps: Pick<VerificationDeps, "findCredential" | "verifications" | "clock">,
  input: { verifierId: string; verificationId: string; waitSeconds: number; signal: AbortSignal },
): Promise<VerificationView> {
  const { clock } = deps;
  const deadline = addSeconds(clock.now(), input.waitSeconds);
  for (;;) {
    const verification = await requireVerification(deps, input);
    const status = statusAt(verification, clock.now());
    const isOver = status !== "pending" || clock.now() >= deadline || input.signal.aborted;
    if (isOver) return { verification, status, presented: await presentedIn(deps, verification) };
    await sleep(POLL_INTERVAL_MS, input.signal);
  }
}

/**
 * A page of what a verifier asked for, the newest first.
 *
 * @returns `last`: the verification after which the next page begins; absent when there is none
 */
export async function listVerifications(
  { verifications, clock }: { verifications: Pick<VerificationStore, "ofVerifier">; clock: Clock },
  { page, ...filter }: Omit<OwnFilter, "now"> & { page: OwnPage },
): Promise<{ views: Omit<VerificationView, "presented">[]; last: Verification | undefined }> {
  const now = clock.now();
  const found = await verifications.ofVerifier({ ...filter, now }, page);
  const views = found.map((verification) => ({ verification, status: statusAt(verification, now) }));
  return { views, last: found.length === page.limit ? found.at(-1) : undefined };
}

async function presentedIn(deps: CredentialDeps, verification: Verification): Promise<Presented | null> {
  if (verification.status !== "verified") return null;
  const credential = await deps.findCredential(verification.credentialId);
  // Its holder's account was erased: the decision stays, the content does not.
  if (credential === null) return null;
  return { credential, claims: readClaims(credential.jwt, verification.disclosed) };
}
