import { addSeconds, type Clock } from "../../../core/clock";
import { randomNonce } from "../../../core/crypto";
import { formatDid } from "../../../chain/did/did";
import { DomainError } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import type { Anchoring, IndexedRegistration } from "../anchoring/rules";
import type { ChallengeStore } from "./store";
import { verifyWalletSignature } from "./proof";
import type { Chain } from "../../../chain/client";
import { registryDomain } from "../../../chain/deployment";
import { readIdentity } from "../../../chain/registry/identity";
import { type Registration, registrationDigest } from "../../../chain/registry/registration";
import { normalizeSignature } from "../../../chain/signature";
import {
  type Challenge,
  challengeConsumed,
  type Purpose,
  REGISTRATION_SECONDS,
  requireAnswerable,
  statementFor,
} from "../rules";
import { formatSignInMessage } from "./siwe";
import type { Wallet, WalletStore } from "../store";

/** What the actions need of the outside. */
export interface WalletParts {
  wallets: WalletStore;
  challenges: ChallengeStore;
  chain: Pick<Chain, "chainId" | "provider" | "didRegistry" | "deployment">;
  /** What the index saw of a DID's registration; null when nothing. */
  indexedRegistration(walletAddress: string): Promise<IndexedRegistration | null>;
  /** Asks a worker to anchor. */
  enqueueAnchoring(wallet: Pick<Wallet, "walletAddress" | "anchoring">, requestId: string | undefined): Promise<void>;
  /** Origin under which people reach the API, without a trailing slash. */
  publicUrl: string;
  challengeSeconds: number;
  clock: Clock;
}

/** A request's traces for the logs. */
export interface Trace {
  requestId: string;
  logger: Logger;
}

/** The session that asks, where one is needed. */
export interface Caller {
  userId: string;
  sessionId: string;
}

/**
 * Issues a challenge: a text to sign (EIP-4361) and, unless the DID is anchored already, a registration to authorize.
 *
 * @param caller the session it shall belong to; null for a login
 * @throws DomainError `wallet.not_found` when a fresh registration is asked for a wallet that is not the caller's
 * @throws TransientError when the registry cannot be asked for the identity's nonce
 */
export async function issueChallenge(
  parts: WalletParts,
  asked: { walletAddress: string; purpose: Purpose; caller: Caller | null },
  { requestId }: Pick<Trace, "requestId">,
): Promise<Challenge> {
  const { walletAddress, purpose, caller } = asked;
  if (purpose === "anchor") await requireOwn(parts, caller, walletAddress);
  const registration = purpose === "login" ? null : await nextRegistration(parts, walletAddress);
  const issuedAt = parts.clock.now();
  const expiresAt = addSeconds(issuedAt, parts.challengeSeconds);
  const nonce = randomNonce();
  const { host: domain } = new URL(parts.publicUrl);
  const { chainId } = parts.chain;
  const statement = statementFor(purpose);
  const text = {
    domain,
    address: walletAddress,
    statement,
    uri: parts.publicUrl,
    chainId,
    nonce,
    issuedAt,
    expiresAt,
    requestId,
  };
  const challenge: Challenge = {
    ...{ nonce, purpose, walletAddress, sessionId: caller?.sessionId ?? null, domain, chainId, registration },
    message: purpose === "anchor" ? "" : formatSignInMessage(text),
    ...{ issuedAt, expiresAt, attempts: 0, consumedAt: null },
  };
  await parts.challenges.insert(challenge);
  return challenge;
}

async function nextRegistration(parts: WalletParts, walletAddress: string): Promise<Registration | null> {
  const { registered, nonce } = await readIdentity(parts.chain, walletAddress);
  if (registered) return null;
  const did = formatDid(parts.chain.deployment.didMethod, walletAddress);
  const deadline = addSeconds(parts.clock.now(), REGISTRATION_SECONDS);
  deadline.setMilliseconds(0);
  return { walletAddress, documentUri: `${parts.publicUrl}/1.0/identifiers/${did}`, nonce, deadline };
}

/**
 * Counts an attempt to answer a challenge and returns the challenge, if it is the caller's to answer.
 *
 * @param nonce names the challenge; without it the session's latest for this wallet and purpose is meant
 */
export async function answerable(
  parts: WalletParts,
  purpose: Purpose,
  walletAddress: string,
  sessionId: string | null,
  nonce: string | undefined,
): Promise<Challenge> {
  const { host: domain } = new URL(parts.publicUrl);
  const answering = { purpose, walletAddress, sessionId, domain, chainId: parts.chain.chainId };
  const latest = { walletAddress, sessionId: sessionId ?? "", purposes: [purpose] };
  const challenge = await parts.challenges.countAttempt(nonce === undefined ? latest : { nonce });
  return requireAnswerable(challenge, answering, parts.clock.now());
}

/** The registration a challenge asked for, with the signature that authorizes it; null when it is not given. */
export async function authorizedRegistration(
  parts: WalletParts,
  { registration, walletAddress }: Challenge,
  signature: string | undefined,
): Promise<NonNullable<Anchoring["registration"]> | null> {
  if (registration === null || signature === undefined) return null;
  const digest = registrationDigest(registryDomain(parts.chain.deployment), registration);
  const kind = await verifyWalletSignature(parts.chain, { walletAddress, digest, signature });
  return { ...registration, signature: normalizeSignature(signature, kind) };
}

/** After the proof is verified, so that a stranger's guess does not use the holder's challenge up. */
export async function consume(parts: WalletParts, { nonce }: Challenge): Promise<void> {
  if (!(await parts.challenges.consume(nonce, parts.clock.now()))) throw challengeConsumed();
}

/**
 * The caller's wallet.
 *
 * @throws DomainError `wallet.not_found`
 */
export async function requireOwn(parts: WalletParts, caller: Caller | null, walletAddress: string): Promise<Wallet> {
  const wallet = await parts.wallets.find(walletAddress);
  if (wallet === null || wallet.userId !== caller?.userId) throw notFound();
  return wallet;
}

/** The refusal of a wallet that is not the caller's, whoever else has it. */
export function notFound(): DomainError {
  return new DomainError(
    "wallet.not_found",
    "not_found",
    "This account has no such wallet: GET /auth/wallets lists its wallets.",
  );
}
