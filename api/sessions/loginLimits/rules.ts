import { DomainError } from "../../../core/errors";

/** One account tried from one address. */
export interface LoginOrigin {
  /** Normalised e-mail address; the account need not exist. */
  email: string;
  /** As `addressKey` gives it. */
  address: string;
}

/** What the attempts of an origin are counted by. Redis learns no e-mail address: account and pair are blind indexes. */
export interface LoginKeys {
  address: string;
  account: string;
  /** Address and account together. */
  pair: string;
}

export const LOGIN_LIMITS = {
  /** Failures from one address, over all accounts: stops spraying one password over many accounts. */
  address: { name: "login-address", limit: 30, windowSeconds: 15 * 60 },
  /** Failures at one account, over all addresses that are not trusted: stops guessing from many machines. */
  account: { name: "login-account", limit: 100, windowSeconds: 60 * 60 },
  /** Attempts from one address at one account; no bound, but what the progressive delay counts by. */
  pair: { name: "login-pair", limit: 1_000_000, windowSeconds: 24 * 60 * 60 },
  /** Holds the pause between two attempts of a pair. */
  pause: { name: "login-pause", limit: 1, windowSeconds: 1 },
};

/** This many attempts of a pair are free of delay. */
const FREE_ATTEMPTS = 3;
const LONGEST_PAUSE_SECONDS = 15 * 60;
/** At a trusted address the holder waits no longer than this, whoever else behind the same address keeps failing. */
const LONGEST_PAUSE_AT_TRUSTED_ADDRESS_SECONDS = 60;

/**
 * How long a pair must pause after its n-th attempt without success: nothing at first, then 1, 2, 4, ... seconds up to
 * a quarter of an hour, or a minute where the account was opened from before.
 */
export function pauseAfterAttempt(attempt: number, trusted: boolean): number {
  if (attempt <= FREE_ATTEMPTS) return 0;
  const longest = trusted ? LONGEST_PAUSE_AT_TRUSTED_ADDRESS_SECONDS : LONGEST_PAUSE_SECONDS;
  return Math.min(2 ** Math.min(attempt - FREE_ATTEMPTS - 1, 20), longest);
}

export function tooManyLogins(waitSeconds: number): DomainError {
  const retryAfterSeconds = Math.max(1, waitSeconds);
  return new DomainError("login.too_many", "too_many", `Too many failed logins: try again in ${retryAfterSeconds} s.`, {
    retryAfterSeconds,
  });
}
