import { DomainError } from "../../../core/errors";

/** The part of a shared budget that limiting logins needs: counts for each key in windows of time, atomically. */
export interface AttemptBudget {
  take(key: string, windowSeconds?: number): Promise<{ allowed: boolean; taken: number; resetSeconds: number }>;
  giveBack(key: string): Promise<void>;
  forget(key: string): Promise<void>;
}

/** Who has logged in from where before. Lost with the counts it makes exceptions from. */
export interface KnownPlaces {
  isKnown(place: LoginPlace): Promise<boolean>;
  remember(place: LoginPlace): Promise<void>;
}

/** One account tried from one address. */
export interface LoginPlace {
  /** Normalised e-mail address; the account need not exist. */
  email: string;
  /** As `addressKey` gives it. */
  address: string;
}

export const LOGIN_LIMITS = {
  /** Failures from one address, over all accounts: stops spraying one password over many accounts. */
  address: { name: "login-address", limit: 30, windowSeconds: 15 * 60 },
  /** Failures at one account, over all strange addresses: stops guessing from many machines. */
  account: { name: "login-account", limit: 100, windowSeconds: 60 * 60 },
  /** Attempts from one address at one account; no bound, but what the progressive delay counts by. */
  pair: { name: "login-pair", limit: 1_000_000, windowSeconds: 24 * 60 * 60 },
  /** Holds the pause between two attempts of a pair. */
  pause: { name: "login-pause", limit: 1, windowSeconds: 1 },
};

/** This many attempts of a pair are free of delay. */
const FREE_ATTEMPTS = 3;
const LONGEST_PAUSE_SECONDS = 15 * 60;
/** At a known place the holder waits no longer than this, whoever else behind the same address keeps failing. */
const LONGEST_PAUSE_AT_KNOWN_PLACE_SECONDS = 60;

/**
 * How long a pair must pause after its n-th attempt without success: nothing at first, then 1, 2, 4, ... seconds up to
 * a quarter of an hour, or a minute where the account was opened from before.
 */
export function pauseAfterAttempt(attempt: number, known: boolean): number {
  if (attempt <= FREE_ATTEMPTS) return 0;
  const longest = known ? LONGEST_PAUSE_AT_KNOWN_PLACE_SECONDS : LONGEST_PAUSE_SECONDS;
  return Math.min(2 ** Math.min(attempt - FREE_ATTEMPTS - 1, 20), longest);
}

/** Limits guessing; see `docs/decisions/0003-login-limits.md` for why it is like this. */
export interface LoginLimits {
  /**
   * Counts an attempt before the password is looked at.
   *
   * @throws DomainError `login.too_many` with the seconds to wait
   */
  begin(place: LoginPlace): Promise<LoginAttempt>;
  /** Makes a place known: its account was opened or made there. */
  remember(place: LoginPlace): Promise<void>;
}

/** An attempt that was let through and counts as a failure unless told otherwise. */
export interface LoginAttempt {
  /** The password was right: nothing counts, and the place is known from now on. */
  succeeded(): Promise<void>;
  /** The password could not be looked at: the attempt does not count. */
  abandoned(): Promise<void>;
}

/** Makes the limits from the budgets of {@link LOGIN_LIMITS}. */
export function limitLogins(
  budgets: Record<keyof typeof LOGIN_LIMITS, AttemptBudget>,
  places: KnownPlaces,
): LoginLimits {
  return {
    remember: (place) => places.remember(place),
    async begin(place) {
      const pair = `${place.address} ${place.email}`;
      // A place from which this account was opened before is judged by its own attempts alone: strangers who use up
      // the account's budget, or the address's, do not shut its holder out.
      const known = await places.isKnown(place);
      const shared = known
        ? []
        : [
            { budget: budgets.address, key: place.address },
            { budget: budgets.account, key: place.email },
          ];
      const taken: typeof shared = [];
      const undo = async () => {
        for (const { budget, key } of taken) await budget.giveBack(key);
      };

      for (const entry of shared) {
        const state = await entry.budget.take(entry.key);
        taken.push(entry);
        if (!state.allowed) {
          await undo();
          throw tooMany(state.resetSeconds);
        }
      }

      const { taken: attempt } = await budgets.pair.take(pair);
      const pauseSeconds = pauseAfterAttempt(attempt, known);
      if (pauseSeconds > 0) {
        const gate = await budgets.pause.take(pair, pauseSeconds);
        if (!gate.allowed) {
          // Not looked at, so not counted: impatience does not lengthen the pause.
          await budgets.pair.giveBack(pair);
          await undo();
          throw tooMany(gate.resetSeconds);
        }
      }

      return {
        async succeeded() {
          await undo();
          await budgets.pair.forget(pair);
          await budgets.pause.forget(pair);
          await places.remember(place);
        },
        async abandoned() {
          await undo();
          await budgets.pair.giveBack(pair);
        },
      };
    },
  };
}

/** Lets everybody through: for load tests and demonstrations on a machine of one's own. */
export const unlimitedLogins: LoginLimits = {
  begin: () => Promise.resolve({ succeeded: () => Promise.resolve(), abandoned: () => Promise.resolve() }),
  remember: () => Promise.resolve(),
};

function tooMany(waitSeconds: number): DomainError {
  const retryAfterSeconds = Math.max(1, waitSeconds);
  return new DomainError("login.too_many", "too_many", `Too many failed logins: try again in ${retryAfterSeconds} s.`, {
    retryAfterSeconds,
  });
}
