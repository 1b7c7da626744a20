import type { Context } from "../../process/context";
import type { SessionReader } from "../http/authenticate";
import { defineModule, type Module } from "../http/module";
import { openBudgets } from "../http/rateLimit";
import { type OpenedSession, openSession, readSession, type SessionParts } from "./actions";
import { openKnownPlaces } from "./loginLimits/store";
import { limitLogins, LOGIN_LIMITS, type LoginLimits, unlimitedLogins } from "./loginLimits/rules";
import { sessionEndpoints } from "./routes";
import { openSessionStore } from "./store";
import { openPasswords, type Passwords } from "./users/passwords";
import { openUserStore } from "./users/store";

type SessionContext = Pick<Context, "config" | "clock" | "logger" | "mongo" | "redis">;

export interface SessionNeeds {
  /** A user's linked wallets, the first linked first. */
  walletsOf(userId: string): Promise<{ walletAddress: string; did: string }[]>;
  /** Replaces the hashing of passwords. */
  passwords?: Passwords | undefined;
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
  const users = openUserStore(mongo);
  const sessions = openSessionStore(mongo, lifetime);
  const deps: SessionParts = {
    users,
    sessions,
    passwords: needs.passwords ?? openPasswords(),
    logins: limited ? createLoginLimits(context) : unlimitedLogins,
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

function createLoginLimits({ config, redis, logger }: Pick<Context, "config" | "redis" | "logger">): LoginLimits {
  const { prefix } = config.redis;
  const budgets = openBudgets({ redis, prefix });
  const { address, account, pair, pause } = LOGIN_LIMITS;
  const attempts = { address: budgets(address), account: budgets(account), pair: budgets(pair), pause: budgets(pause) };
  return limitLogins(attempts, openKnownPlaces({ redis, prefix, logger }));
}
