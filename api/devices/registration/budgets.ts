import { createBudgets, tooManyRequests } from "../../../core/budgets";
import type { Context } from "../../../process/context";
import { EMAIL_LIMITS } from "./rules";

/**
 * Creates the budgets of codes for one e-mail address, which all processes share. Redis learns no address.
 *
 * @returns counts a code; throws DomainError `request.too_many` beyond a budget
 */
export function createEmailBudget({
  redis,
  config,
  blindIndex,
}: Pick<Context, "redis" | "config" | "blindIndex">): (email: string) => Promise<void> {
  const budgets = EMAIL_LIMITS.map(createBudgets({ redis, prefix: config.redis.prefix }));
  return async (email) => {
    const key = await blindIndex("email-code", email);
    // The narrowest window first: what it refuses is not counted in the wider ones.
    for (const budget of budgets) {
      const state = await budget.take(key);
      if (!state.allowed) throw tooManyRequests(budget.policy, state);
    }
  };
}
