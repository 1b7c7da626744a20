import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { authenticateToken, openSession } from "./actions";
import { createLoginLimits, unlimitedLogins } from "./loginLimits/actions";
import { createLoginBudgets } from "./loginLimits/budgets";
import { createTrustedAddresses } from "./loginLimits/store";
import { type SessionEndpointDeps, sessionEndpoints } from "./routes";
import { createSessionStore } from "./store";
import { recipientOf } from "./users/actions";
import { createPasswordHasher, type PasswordHasher } from "./users/passwordHashing";
import { createUserStore } from "./users/store";

export interface SessionNeeds extends Pick<SessionEndpointDeps, "walletsOf"> {
  /** Replaces the hashing of passwords. */
  passwords?: PasswordHasher | undefined;
}

/** Accounts, their sessions and their devices. */
export function createSessions(context: Context, needs: SessionNeeds) {
  const { mongo, clock } = context;
  const { sessions: lifetime } = context.config;
  const limited = lifetime.limitLogins;
  const deps = {
    ...context,
    lifetime,
    limited,
    users: createUserStore(mongo),
    sessions: createSessionStore(mongo, lifetime),
    passwords: needs.passwords ?? createPasswordHasher(),
    loginLimits: limited
      ? createLoginLimits({
          budgets: createLoginBudgets(context),
          trustedAddresses: createTrustedAddresses(context),
        })
      : unlimitedLogins,
    walletsOf: needs.walletsOf,
  };
  return defineModule({
    name: "sessions",
    endpoints: sessionEndpoints(deps),
    metrics: [
      {
        name: "cairn_sessions_valid",
        help: "Sessions that are valid now",
        read: () => deps.sessions.countValid(clock.now()),
      },
    ],
    ports: {
      readSession: (token: string) => authenticateToken(deps, token),
      openSession: (input: { userId: string; userAgent: string | undefined }) => openSession(deps, input),
      recipientOf: (userId: string) => recipientOf(deps, userId),
    },
  });
}
