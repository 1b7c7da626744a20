import { createAddressBudget } from "../../core/addressBudget";
import type { BudgetState, CreateBudget } from "../../core/budgets";
import type { BudgetOutcome, DeviceSession } from "../envelope/checks";

const WINDOW_SECONDS = 60;

/** Requests a minute; those of a type count for each user, writes apart from reads. */
const LIMITS = { ip: 600, session: 120, user: 240, reads: 60, writes: 10 };

/** What one request takes from. */
export interface RequestShare {
  address: string;
  session: Pick<DeviceSession, "deviceSessionId" | "userId">;
  messageType: string;
  /** Whether the type changes something. */
  isWrite: boolean;
}

/** The budgets of address, session, user and message type. */
export interface RequestBudgets {
  /** Takes one from each; the answer names the first that is used up, in this order. */
  take(share: RequestShare): Promise<BudgetOutcome>;
}

/** Creates the budgets that all gateways share. */
export function createRequestBudgets(createBudget: CreateBudget): RequestBudgets {
  const policy = (name: string, limit: number) => ({ name: `gateway-${name}`, limit, windowSeconds: WINDOW_SECONDS });
  const ip = createAddressBudget(createBudget, policy("ip", LIMITS.ip));
  const session = createBudget(policy("session", LIMITS.session));
  const user = createBudget(policy("user", LIMITS.user));
  const reads = createBudget(policy("reads", LIMITS.reads));
  const writes = createBudget(policy("writes", LIMITS.writes));
  return {
    async take({ address, session: { deviceSessionId, userId }, messageType, isWrite }) {
      const [ofAddress, ofSession, ofUser, ofType] = await Promise.all([
        ip.take(address).then(({ state }) => state),
        session.take(deviceSessionId),
        user.take(userId),
        (isWrite ? writes : reads).take(`${userId} ${messageType}`),
      ]);
      return (
        exhausted("ip", ofAddress) ??
        exhausted("session", ofSession) ??
        exhausted("user", ofUser) ??
        exhausted("type", ofType) ?? { kind: "allowed" }
      );
    },
  };
}

function exhausted(budget: "ip" | "session" | "user" | "type", state: BudgetState): BudgetOutcome | undefined {
  if (state.allowed) return undefined;
  return { kind: "exhausted", budget, retryAfterMs: Math.max(1, state.resetSeconds) * 1000 };
}
