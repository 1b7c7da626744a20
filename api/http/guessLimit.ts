import { createAddressBudget } from "../../core/addressBudget";
import { type CreateBudget, type RateLimitPolicy, tooManyRequests } from "../../core/budgets";
import { sha256Hex } from "../../core/hash";
import { createLruCache } from "../../core/lruCache";

/** Failures of one address, over all secrets that it tries; a secret that was right lately is not counted. */
const POLICY: RateLimitPolicy = { name: "wrong-keys", limit: 30, windowSeconds: 15 * 60 };

/** Secrets, by hash, that were right lately in this process: far more than one process has callers. */
const MAX_KNOWN = 10_000;

/** How a secret is looked at, and which errors say that it is wrong. */
export interface Look<Owner> {
  /** The secret, with all that says whose it is. */
  secret: string;
  ip: string;
  /** @throws what `isWrong` recognises for a wrong secret */
  read(): Promise<Owner>;
  isWrong(error: unknown): boolean;
}

/** Looks at secrets that callers bring, as long as their address has not brought too many wrong ones. */
export type GuessLimit = <Owner>(look: Look<Owner>) => Promise<Owner>;

/** Where the configuration lifts limits. */
export const unlimitedGuesses: GuessLimit = ({ read }) => read();

/**
 * Creates a limit of wrong secrets by address, network and window, counted by all processes together.
 *
 * An attempt is counted before the secret is looked at, and given back when it was right: however many guesses race, no
 * more than the limit are looked at. Beyond it nobody at this address learns whether a secret is right, but whose secret
 * was right in this process before: they go on. Requests with the same secret at the same time are one attempt.
 *
 * @returns a function that throws DomainError `request.too_many`, and what `read` throws
 */
export function createGuessLimit(createBudget: CreateBudget): GuessLimit {
  const failures = createAddressBudget(createBudget, POLICY);
  const known = createLruCache<boolean>(MAX_KNOWN);
  /** First looks under way: the secret's hash and the address. */
  const looking = new Map<string, Promise<unknown>>();

  async function lookCounted<Owner>({ ip, read, isWrong }: Look<Owner>): Promise<Owner> {
    const { policy, state } = await failures.take(ip);
    if (!state.allowed) throw tooManyRequests(policy, state);
    try {
      const owner = await read();
      await failures.giveBack(ip);
      return owner;
    } catch (error) {
      if (!isWrong(error)) await failures.giveBack(ip);
      throw error;
    }
  }

  async function lookAtNew<Owner>(hash: string, look: Look<Owner>): Promise<Owner> {
    const owner = await lookCounted(look);
    known.set(hash, true);
    return owner;
  }

  return async <Owner>(look: Look<Owner>): Promise<Owner> => {
    const hash = sha256Hex(look.secret);
    if (known.get(hash) === true) {
      try {
        return await look.read();
      } catch (error) {
        // Revoked since: from now on it is as wrong as any.
        if (look.isWrong(error)) known.set(hash, false);
        throw error;
      }
    }
    const attempt = `${hash} ${look.ip}`;
    const present = looking.get(attempt) as Promise<Owner> | undefined;
    if (present !== undefined) return present;
    const started = lookAtNew(hash, look).finally(() => looking.delete(attempt));
    looking.set(attempt, started);
    return started;
  };
}
