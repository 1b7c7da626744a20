import type { Context } from "../../process/context";
import type { SessionReader } from "../http/authenticate";
import { defineModule, type Module } from "../http/module";
import { createBudgets } from "../http/rateLimit";
import { type OpenedSession, openSession, readSession } from "./actions";
import { createLoginLimits, type LoginLimits, unlimitedLogins } from "./loginLimits/actions";
import { LOGIN_LIMITS } from "./loginLimits/rules";
import { createTrustedAddresses } from "./loginLimits/store";
import { sessionEndpoints } from "./routes";
import { createSessionStore } from "./store";
import type { UserDeps } from "./users/actions";
import { createPasswordHasher, type PasswordHasher } from "./users/passwordHashing";
import { createUserStore } from "./users/store";

type SessionContext = Pick<Context, "config" | "clock" | "logger" | "mongo" | "redis">;

export interface SessionNeeds {
  /** A user's linked wallets, the first linked first. */
  walletsOf(userId: string): Promise<{ walletAddress: string; did: string }[]>;
  /** Replaces the hashing of passwords. */
  passwords?: PasswordHasher | undefined;
}

export interface SessionPorts {
  readSession: SessionReader;
  /** Opens a session for a user whose identity was proven. */
  openSession(input: { userId: string; userAgent: string | undefined }): Promise<OpenedSession>;
  /** Where a user is written to; null when the account is gone. */
  recipientOf(userId: string): Promise<{ name: string; address: string } | null>;
}

/** Accounts, their sessions and their devices. */
export function createSessions(context: SessionContext, needs: SessionNeeds): Module<SessionPorts> {
  const { config, clock, mongo } = context;
  const { idleSeconds, extensionSeconds, absoluteSeconds, limitLogins: limited } = config.sessions;
  const lifetime = { idleSeconds, extensionSeconds, absoluteSeconds };
  const users = createUserStore(mongo);
  const sessions = createSessionStore(mongo, lifetime);
  const deps: UserDeps = {
    users,
    sessions,
    passwords: needs.passwords ?? createPasswordHasher(),
    loginLimits: limited ? limitLogins(context) : unlimitedLogins,
    clock,
    lifetime,
  };
  return defineModule({
    name: "sessions",
    endpoints: sessionEndpoints({ ...deps, walletsOf: needs.walletsOf, limited }),
    metrics: [
      {
        name: "cairn_sessions_valid",
        help: "Sessions that are valid now",
        read: () => sessions.countValid(clock.now()),
      },
    ],
    ports: {
      async readSession(token) {
        const { userId, _id } = await readSession(deps, token);
        return { userId, sessionId: _id };
      },
      openSession: (input) => openSession(deps, input),
      async recipientOf(userId) {
        const user = await users.findById(userId);
        return user === null ? null : { name: user.name, address: user.email };
      },
    },
  });
}

function limitLogins({ config, redis, logger }: Pick<Context, "config" | "redis" | "logger">): LoginLimits {
  const { prefix } = config.redis;
  const budgetOf = createBudgets({ redis, prefix });
  return createLoginLimits({
    budgets: {
      address: budgetOf(LOGIN_LIMITS.address),
      account: budgetOf(LOGIN_LIMITS.account),
      pair: budgetOf(LOGIN_LIMITS.pair),
      pause: budgetOf(LOGIN_LIMITS.pause),
    },
    trustedAddresses: createTrustedAddresses({ redis, prefix, logger }),
  });
}
