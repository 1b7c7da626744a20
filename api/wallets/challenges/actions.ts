import { formatDid } from "../../../chain/did/did";
import type { Chain } from "../../../chain/client";
import { registryDomain } from "../../../chain/deployment";
import { readIdentity } from "../../../chain/registry/identity";
import { type Registration, registrationDigest } from "../../../chain/registry/registration";
import { addSeconds, type Clock } from "../../../core/clock";
import { randomNonce } from "../../../core/crypto";
import type { Anchoring } from "../anchoring/rules";
import { requireOwnWallet } from "../rules";
import type { Context } from "../../../process/context";
import type { WalletStore } from "../store";
import {
  type Challenge,
  challengeConsumed,
  type Purpose,
  REGISTRATION_SECONDS,
  requireAnswerable,
  statementFor,
} from "./rules";
import { formatSignInMessage } from "./siwe";
import type { ChallengeStore } from "./store";
import { verifyWalletSignature } from "./walletSignature";

export interface ChallengeDeps {
  wallets: Pick<WalletStore, "find">;
  challenges: ChallengeStore;
  chain: Pick<Chain, "chainId" | "provider" | "didRegistry" | "deployment" | "keyVerifiers">;
  config: Pick<Context["config"], "http" | "wallets">;
  clock: Clock;
}

/** The session that asks. */
export interface Caller {
  userId: string;
  sessionId: string;
}

/**
 * Issues a challenge: a text to sign (EIP-4361) and, unless the DID is anchored already, a registration to authorize.
 *
 * @param input.caller the session it shall belong to; null for a login
 * @throws DomainError `wallet.not_found` when a fresh registration is asked for a wallet that is not the caller's
 * @throws TransientError when the registry cannot be asked for the identity's nonce
 */
export async function issueChallenge(
  deps: ChallengeDeps,
  input: { walletAddress: string; purpose: Purpose; caller: Caller | null; requestId: string },
): Promise<Challenge> {
  const { config, chain, clock } = deps;
  const { publicUrl } = config.http;
  const { walletAddress, purpose, caller } = input;
  if (purpose === "anchor") requireOwnWallet(await deps.wallets.find(walletAddress), caller?.userId);
  const registration = purpose === "login" ? null : await nextRegistration(deps, walletAddress);
  const issuedAt = clock.now();
  const challenge: Challenge = {
    nonce: randomNonce(),
    purpose,
    walletAddress,
    sessionId: caller?.sessionId ?? null,
    domain: new URL(publicUrl).host,
    chainId: chain.chainId,
    message: "",
    registration,
    issuedAt,
    expiresAt: addSeconds(issuedAt, config.wallets.challengeSeconds),
    attempts: 0,
    consumedAt: null,
  };
  if (purpose !== "anchor") {
    challenge.message = formatSignInMessage({
      domain: challenge.domain,
      address: walletAddress,
      statement: statementFor(purpose),
      uri: publicUrl,
      chainId: challenge.chainId,
      nonce: challenge.nonce,
      issuedAt,
      expiresAt: challenge.expiresAt,
      requestId: input.requestId,
    });
  }
  await deps.challenges.insert(challenge);
  return challenge;
}

async function nextRegistration(
  { chain, config, clock }: ChallengeDeps,
  walletAddress: string,
): Promise<Registration | null> {
  const { registered, active, controller, nonce } = await readIdentity(chain, walletAddress);
  // The registry takes the controller's consent alone.
  if (registered || !active || controller !== walletAddress) return null;
  const did = formatDid(chain.deployment.didMethod, walletAddress);
  const deadline = addSeconds(clock.now(), REGISTRATION_SECONDS);
  deadline.setMilliseconds(0);
  return {
    walletAddress,
    documentUri: `${config.http.publicUrl}/1.0/identifiers/${did}`,
    nonce: nonce.toString(),
    deadline,
  };
}

/**
 * Counts an attempt to answer a challenge, and returns the challenge if it is the caller's to answer.
 *
 * @param input.sessionId null for a login
 * @param input.nonce names the challenge; without it the session's latest for this wallet and purpose is meant
 * @throws DomainError those of {@link requireAnswerable}
 */
export async function attemptChallenge(
  { challenges, config, chain, clock }: Pick<ChallengeDeps, "challenges" | "config" | "chain" | "clock">,
  input: { purpose: Purpose; walletAddress: string; sessionId: string | null; nonce: string | undefined },
): Promise<Challenge> {
  const { purpose, walletAddress, sessionId, nonce } = input;
  const latest = { walletAddress, sessionId: sessionId ?? "", purposes: [purpose] };
  const challenge = await challenges.countAttempt(nonce === undefined ? latest : { nonce });
  const { host } = new URL(config.http.publicUrl);
  const answering = { purpose, walletAddress, sessionId, domain: host, chainId: chain.chainId };
  return requireAnswerable(challenge, answering, clock.now());
}

/**
 * Verifies the signature that authorizes the registration a challenge asked for.
 *
 * @returns the registration with its signature as the contract takes it; null when none was asked for or none is given
 * @throws DomainError those of {@link verifyWalletSignature}
 */
export async function verifyRegistration(
  { chain }: Pick<ChallengeDeps, "chain">,
  { registration, walletAddress }: Challenge,
  signature: string | undefined,
): Promise<Anchoring["registration"]> {
  if (registration === null || signature === undefined) return null;
  const digest = registrationDigest(registryDomain(chain.deployment), registration);
  const verified = await verifyWalletSignature(chain, { walletAddress, digest, signature });
  return { ...registration, signature: verified.signature };
}

/**
 * Consumes a challenge after the proof was verified, so that a stranger's guess does not use the holder's challenge up.
 *
 * @throws DomainError `wallet.challenge_consumed`
 */
export async function consumeChallenge(
  { challenges, clock }: Pick<ChallengeDeps, "challenges" | "clock">,
  { nonce }: Challenge,
): Promise<void> {
  if (!(await challenges.consume(nonce, clock.now()))) throw challengeConsumed();
}
