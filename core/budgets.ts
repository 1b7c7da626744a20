import type { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { DomainError } from "./errors";
import { sha256Hex } from "./hash";

/** How often one caller may ask in a window of time. */
export interface RateLimitPolicy {
  /** Lower-case letters and hyphens; names the budget in the `RateLimit` headers. */
  name: string;
  limit: number;
  windowSeconds: number;
}

/** What a budget says after it was asked. */
export interface BudgetState {
  allowed: boolean;
  /** How much was taken in this window so far, rejected attempts included. */
  taken: number;
  remaining: number;
  /** Seconds until the window ends, rounded up. */
  resetSeconds: number;
}

/** A budget that every process shares: so much for each key in each window. Counting is atomic. */
export interface Budget {
  readonly policy: RateLimitPolicy;
  /**
   * Takes one from the key's budget, or says that there is none left.
   *
   * @param windowSeconds length of the window this call opens when none is open, instead of the policy's
   */
  take(key: string, windowSeconds?: number): Promise<BudgetState>;
  /** Gives one back: for attempts that turned out not to count. */
  giveBack(key: string): Promise<void>;
  /** Begins the key's window anew. */
  reset(key: string): Promise<void>;
}

/** Makes budgets; one Redis and key prefix for all. */
export type CreateBudget = (policy: RateLimitPolicy) => Budget;

/**
 * Makes budgets counted in Redis.
 *
 * While Redis does not answer, each process counts in its own memory instead: rejecting everybody would turn the loss of
 * a cache into an outage, and counting nothing would open the door to guessing. A guesser then gets at most as many
 * budgets as there are processes.
 */
export function createBudgets({ redis, prefix }: { redis: Redis; prefix: string }): CreateBudget {
  return (policy) => {
    const shape = { keyPrefix: `${prefix}:limit:${policy.name}`, points: policy.limit, duration: policy.windowSeconds };
    const limiter = new RateLimiterRedis({
      ...shape,
      storeClient: redis,
      rejectIfRedisNotReady: true,
      insuranceLimiter: new RateLimiterMemory(shape),
    });
    return {
      policy,
      async take(key, windowSeconds) {
        const options = windowSeconds === undefined ? {} : { customDuration: windowSeconds };
        try {
          return stateOf(await limiter.consume(storedKey(key), 1, options), true);
        } catch (error) {
          if (error instanceof RateLimiterRes) return stateOf(error, false);
          throw error;
        }
      },
      async giveBack(key) {
        await limiter.reward(storedKey(key), 1);
      },
      async reset(key) {
        await limiter.delete(storedKey(key));
      },
    };
  };
}

/** Addresses and e-mail addresses are personal data: Redis holds only their hashes, of a bounded length. */
function storedKey(key: string): string {
  return sha256Hex(key).slice(0, 32);
}

function stateOf(result: RateLimiterRes, allowed: boolean): BudgetState {
  return {
    allowed,
    taken: result.consumedPoints,
    remaining: Math.max(0, result.remainingPoints),
    resetSeconds: Math.max(0, Math.ceil(result.msBeforeNext / 1000)),
  };
}

/**
 * The headers `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10 §3 and §4), as structured
 * fields: the budget's name, its quota `q` and window `w`, what remains `r` and for how long `t`.
 */
export function rateLimitHeaders(policy: RateLimitPolicy, state: BudgetState): Record<string, string> {
  return {
    "ratelimit-policy": `"${policy.name}";q=${policy.limit};w=${policy.windowSeconds}`,
    ratelimit: `"${policy.name}";r=${state.remaining};t=${state.resetSeconds}`,
  };
}

/** The rejection of a caller whose budget is used up. */
export function tooManyRequests(policy: RateLimitPolicy, state: BudgetState): DomainError {
  const retryAfterSeconds = Math.max(1, state.resetSeconds);
  const allowance = `${policy.limit} in ${policy.windowSeconds} s`;
  return new DomainError(
    "request.too_many",
    "too_many",
    `Too many requests of this kind (${allowance} are allowed): come back in ${retryAfterSeconds} s.`,
    { retryAfterSeconds, details: { policy: policy.name } },
  );
}
