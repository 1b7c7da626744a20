import type { Context } from "../../../process/context";
import { createBudgets } from "../../../core/budgets";
import type { LoginLimitDeps } from "./actions";
import { LOGIN_LIMITS } from "./rules";

/** Creates the budgets of {@link LOGIN_LIMITS}, which all processes share. */
export function createLoginBudgets({ redis, config }: Pick<Context, "redis" | "config">): LoginLimitDeps["budgets"] {
  const createBudget = createBudgets({ redis, prefix: config.redis.prefix });
  return {
    address: createBudget(LOGIN_LIMITS.address),
    account: createBudget(LOGIN_LIMITS.account),
    pair: createBudget(LOGIN_LIMITS.pair),
    pause: createBudget(LOGIN_LIMITS.pause),
  };
}
