import type { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { sha256Hex } from "../../core/hash";
import { DomainError } from "../../core/errors";
import type { RateLimitPolicy, RejectionDescription } from "./endpoint";

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

export const RATE_LIMIT_REJECTION: RejectionDescription = {
  code: "request.too_many",
  kind: "too_many",
  meaning: "The budget of this operation is used up; Retry-After says when to come back.",
};

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

/** A network that an address belongs to, and how many times one address's budget it has. */
interface AddressTier {
  key: string;
  /** Ends the budget's name; empty for the address itself. */
  suffix: string;
  factor: number;
}

/**
 * What counts as one caller's address: an IPv4 address whole, an IPv6 address by its /64, which is what one network is
 * given (RFC 6177 §2) and could otherwise wander through.
 */
export function addressKey(ip: string): string {
  const groups = groupsOfIpv6(ip);
  return groups === undefined ? plainAddress(ip) : `${groups.join(":")}::/64`;
}

/**
 * The networks of an address, the narrowest first. One subscriber may have a /56 of 256 networks or, as a company, a /48
 * of 65,536: these have budgets of their own, wide enough for those who share them.
 */
export function addressTiers(ip: string): AddressTier[] {
  const own = { key: addressKey(ip), suffix: "", factor: 1 };
  const groups = groupsOfIpv6(ip);
  if (groups === undefined) return [own];
  const [first, second, third, fourth] = groups;
  const upper = (Number.parseInt(fourth ?? "0", 16) & 0xff00).toString(16);
  return [
    own,
    { key: `${first}:${second}:${third}:${upper}::/56`, suffix: "-56", factor: 4 },
    { key: `${first}:${second}:${third}::/48`, suffix: "-48", factor: 16 },
  ];
}

/** A budget of addresses and of the networks they belong to; all of them count. */
export interface AddressBudget {
  /** Takes one; the state is that of the first network whose budget is used up, else of the address. */
  take(ip: string): Promise<{ policy: RateLimitPolicy; state: BudgetState }>;
  /** Gives one back to the address and its networks. */
  giveBack(ip: string): Promise<void>;
}

/** Creates a budget of addresses from the policy for one. */
export function createAddressBudget(createBudget: CreateBudget, policy: RateLimitPolicy): AddressBudget {
  const budgets = new Map<string, Budget>();
  const budgetOf = ({ suffix, factor }: AddressTier) => {
    const budget =
      budgets.get(suffix) ?? createBudget({ ...policy, name: `${policy.name}${suffix}`, limit: policy.limit * factor });
    budgets.set(suffix, budget);
    return budget;
  };
  return {
    async take(ip) {
      const taken = await Promise.all(
        addressTiers(ip).map(async (tier) => {
          const budget = budgetOf(tier);
          return { policy: budget.policy, state: await budget.take(tier.key) };
        }),
      );
      const [own] = taken;
      if (own === undefined) throw new RangeError("an address has at least itself");
      return taken.find(({ state }) => !state.allowed) ?? own;
    },
    async giveBack(ip) {
      await Promise.all(addressTiers(ip).map((tier) => budgetOf(tier).giveBack(tier.key)));
    },
  };
}

function plainAddress(ip: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1] ?? ip;
}

/** The first four groups of an IPv6 address without leading zeros; undefined for IPv4, also where it is mapped. */
function groupsOfIpv6(ip: string): string[] | undefined {
  if (!plainAddress(ip).includes(":")) return undefined;
  const [head = "", tail] = ip.toLowerCase().split("%")[0]?.split("::") ?? [];
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array<string>(zeros).fill("0"), ...last].slice(0, 4);
  return groups.map((group) => group.replace(/^0+(?=.)/, ""));
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
