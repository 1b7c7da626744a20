import type { Registration } from "../../../chain/registry/registration";
import { DomainError } from "../../../core/errors";

/**
 * What a challenge is for. `link` and `anchor` belong to the session that asked; `login` makes one. `anchor` asks for a
 * fresh registration signature for a wallet that is linked already.
 */
export const PURPOSES = ["link", "login", "anchor"] as const;
export type Purpose = (typeof PURPOSES)[number];

/** How often a signature may be tried against one challenge. */
export const MAX_PROOF_ATTEMPTS = 5;

/** How long the relayer may take to anchor with one signature: longer than any outage it should survive by itself. */
export const REGISTRATION_SECONDS = 24 * 60 * 60;

/** A text for a wallet to sign, stored until it is answered once or its time is over. */
export interface Challenge {
  nonce: string;
  purpose: Purpose;
  /** `0x` and 40 lower-case hexadecimal digits. */
  walletAddress: string;
  /** The session that asked; null for a login. */
  sessionId: string | null;
  domain: string;
  chainId: number;
  /** The text to sign; empty for `anchor`, which asks for the registration's signature alone. */
  message: string;
  /** What the second signature authorizes; null when the DID is anchored already or anchoring is not asked for. */
  registration: Registration | null;
  issuedAt: Date;
  expiresAt: Date;
  attempts: number;
  consumedAt: Date | null;
}

/** Who answers a challenge, and where. */
export interface Answering {
  purpose: Purpose;
  walletAddress: string;
  sessionId: string | null;
  domain: string;
  chainId: number;
}

/**
 * Rejects an answer to a challenge that is not the caller's to answer, or not any more.
 *
 * @throws DomainError `wallet.challenge_unknown`, `wallet.challenge_consumed`, `wallet.challenge_expired`,
 * `wallet.challenge_exhausted`
 */
export function requireAnswerable(challenge: Challenge | null, answering: Answering, now: Date): Challenge {
  const own =
    challenge !== null &&
    challenge.purpose === answering.purpose &&
    challenge.walletAddress === answering.walletAddress &&
    challenge.sessionId === answering.sessionId &&
    // The configuration may have moved to another origin or chain since it was issued.
    challenge.domain === answering.domain &&
    challenge.chainId === answering.chainId;
  if (!own) {
    const message =
      "There is no such challenge for this wallet and purpose: ask for one with POST /auth/wallet/challenge.";
    throw new DomainError("wallet.challenge_unknown", "not_found", message);
  }
  if (challenge.consumedAt !== null) throw challengeConsumed();
  if (challenge.expiresAt <= now) {
    throw new DomainError(
      "wallet.challenge_expired",
      "gone",
      "The challenge has expired: ask for a new one and sign that.",
    );
  }
  if (challenge.attempts > MAX_PROOF_ATTEMPTS) {
    const message = "Too many signatures were tried against this challenge: ask for a new one.";
    throw new DomainError("wallet.challenge_exhausted", "too_many", message);
  }
  return challenge;
}

/** The rejection of an answer that came second. */
export function challengeConsumed(): DomainError {
  const message = "The challenge was answered before, and counts once: ask for a new one and sign that.";
  return new DomainError("wallet.challenge_consumed", "conflict", message);
}

/** The one line a person reads in the wallet. */
export function statementFor(purpose: Purpose): string {
  return purpose === "login" ? "Log in to Cairn with this wallet." : "Link this wallet to your Cairn account.";
}
