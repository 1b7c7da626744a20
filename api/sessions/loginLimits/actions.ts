import type { BlindIndex } from "../../../core/keys/blindIndex";
import { type LOGIN_LIMITS, type LoginKeys, type LoginOrigin, pauseAfterAttempt, tooManyLogins } from "./rules";
import type { TrustedAddresses } from "./store";

/** The part of a shared budget that limiting logins needs: counts for each key in windows of time, atomically. */
export interface AttemptBudget {
  take(key: string, windowSeconds?: number): Promise<{ allowed: boolean; taken: number; resetSeconds: number }>;
  giveBack(key: string): Promise<void>;
  reset(key: string): Promise<void>;
}

export interface LoginLimitDeps {
  budgets: Record<keyof typeof LOGIN_LIMITS, AttemptBudget>;
  trustedAddresses: TrustedAddresses;
  blindIndex: BlindIndex;
}

/** An attempt that was let through. It counts as a failure until it is said to have succeeded or to be abandoned. */
export interface LoginAttempt extends LoginKeys {
  /** The budgets it was counted in, beside that of its pair of address and account. */
  counted: ("address" | "account")[];
}

/** Limits guessing; see `docs/decisions/0003-login-limits.md` for why it is like this. */
export interface LoginLimits {
  /**
   * Counts an attempt before the password is verified.
   *
   * @throws DomainError `login.too_many` with the seconds to wait
   */
  begin(origin: LoginOrigin): Promise<LoginAttempt>;
  /** The password was right: nothing counts, and the address is trusted from now on. */
  succeed(attempt: LoginAttempt): Promise<void>;
  /** The password could not be verified: the attempt does not count. */
  abandon(attempt: LoginAttempt): Promise<void>;
  /** Trusts an address for an account that was opened there. */
  trust(origin: LoginOrigin): Promise<void>;
}

/** Makes the limits from the budgets of {@link LOGIN_LIMITS}. */
export function createLoginLimits(deps: LoginLimitDeps): LoginLimits {
  return {
    begin: async (origin) => beginAttempt(deps, await keysOf(deps, origin)),
    succeed: (attempt) => recordSuccess(deps, attempt),
    abandon: (attempt) => abandonAttempt(deps, attempt),
    trust: async (origin) => deps.trustedAddresses.add((await keysOf(deps, origin)).pair),
  };
}

/** Lets everybody through: for load tests and demonstrations on a machine of one's own. */
export const unlimitedLogins: LoginLimits = {
  begin: ({ address }) => Promise.resolve({ address, account: "", pair: "", counted: [] }),
  succeed: () => Promise.resolve(),
  abandon: () => Promise.resolve(),
  trust: () => Promise.resolve(),
};

async function keysOf({ blindIndex }: LoginLimitDeps, { address, email }: LoginOrigin): Promise<LoginKeys> {
  const [account, pair] = await Promise.all([
    blindIndex("login.account", email),
    blindIndex("login.pair", JSON.stringify([address, email])),
  ]);
  return { address, account, pair };
}

async function beginAttempt(deps: LoginLimitDeps, keys: LoginKeys): Promise<LoginAttempt> {
  const { budgets, trustedAddresses } = deps;
  const { pair } = keys;
  const attempt: LoginAttempt = { ...keys, counted: [] };
  // At an address from which this account was opened before, its own attempts alone count: strangers who use up the
  // account's budget, or the address's, do not shut its holder out.
  const trusted = await trustedAddresses.has(pair);
  if (!trusted) {
    await countOrReject(deps, attempt, "address");
    await countOrReject(deps, attempt, "account");
  }
  const { taken } = await budgets.pair.take(pair);
  const pauseSeconds = pauseAfterAttempt(taken, trusted);
  if (pauseSeconds === 0) return attempt;
  const pause = await budgets.pause.take(pair, pauseSeconds);
  if (pause.allowed) return attempt;
  // The password is not verified, so the attempt does not count: impatience does not lengthen the pause.
  await abandonAttempt(deps, attempt);
  throw tooManyLogins(pause.resetSeconds);
}

async function countOrReject(
  deps: LoginLimitDeps,
  attempt: LoginAttempt,
  name: LoginAttempt["counted"][number],
): Promise<void> {
  const state = await deps.budgets[name].take(attempt[name]);
  attempt.counted.push(name);
  if (state.allowed) return;
  await giveBackCounted(deps, attempt);
  throw tooManyLogins(state.resetSeconds);
}

async function recordSuccess(deps: LoginLimitDeps, attempt: LoginAttempt): Promise<void> {
  const { budgets, trustedAddresses } = deps;
  await giveBackCounted(deps, attempt);
  await budgets.pair.reset(attempt.pair);
  await budgets.pause.reset(attempt.pair);
  await trustedAddresses.add(attempt.pair);
}

async function abandonAttempt(deps: LoginLimitDeps, attempt: LoginAttempt): Promise<void> {
  await giveBackCounted(deps, attempt);
  await deps.budgets.pair.giveBack(attempt.pair);
}

async function giveBackCounted({ budgets }: LoginLimitDeps, attempt: LoginAttempt): Promise<void> {
  for (const name of attempt.counted) await budgets[name].giveBack(attempt[name]);
}
