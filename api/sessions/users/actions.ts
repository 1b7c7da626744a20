import { randomId } from "../../../core/crypto";
import { DomainError } from "../../../core/errors";
import {
  type DevicePorts,
  endAllSessions,
  type EndSessionDeps,
  type OpenedSession,
  openSession,
  type SessionDeps,
} from "../actions";
import type { LoginAttempt, LoginLimits } from "../loginLimits/actions";
import { sessionExpiresAt, sessionUnknown } from "../rules";
import type { StoredSession } from "../store";
import type { PasswordHasher } from "./passwordHashing";
import { passwordWeakness } from "./passwordPolicy";
import type { User, UserStore } from "./store";

export interface UserDeps extends SessionDeps {
  users: UserStore;
  passwords: PasswordHasher;
  loginLimits: LoginLimits;
}

/** From where a session is opened. */
export interface Origin {
  /** As `addressKey` gives it. */
  address: string;
  userAgent: string | undefined;
}

/**
 * Opens an account and a first session.
 *
 * @param input.email normalised; `input.password` normalised and of allowed length
 * @throws DomainError `password.too_weak`, `account.exists`
 */
export async function register(
  deps: UserDeps,
  input: { email: string; password: string; name: string } & Origin,
): Promise<OpenedSession> {
  requireStrength(input.password, input, "body.password");
  // Hashed before it is known whether the address is free, so that the time of the answer does not tell.
  const passwordHash = await deps.passwords.hash(input.password);
  const { email, name } = input;
  const user = {
    _id: randomId(),
    email,
    name,
    passwordHash,
    createdAt: deps.clock.now(),
    passwordVersion: 1,
    emailVerifiedAt: null,
  };
  if (!(await deps.users.insert(user))) {
    throw new DomainError("account.exists", "conflict", "This e-mail address has an account already: log in instead.");
  }
  await deps.loginLimits.trust({ email, address: input.address });
  return openSession(deps, { userId: user._id, userAgent: input.userAgent });
}

/**
 * Logs in with e-mail and password and opens a session with a token of its own, whatever the caller sent along.
 * Neither the answer nor its time tells whether the account exists.
 *
 * @throws DomainError `login.refused`, `login.too_many`
 */
export async function login(
  deps: UserDeps,
  input: { email: string; password: string } & Origin,
): Promise<OpenedSession> {
  const { email, address } = input;
  const attempt = await deps.loginLimits.begin({ email, address });
  const user = await deps.users.findByEmail(email);
  const matches = await verifyCounted(deps, attempt, user?.passwordHash ?? undefined, input.password);
  if (user === null || user.passwordHash === null || !matches) throw loginRejected();
  await deps.loginLimits.succeed(attempt);
  await renewOutdatedHash(deps, { userId: user._id, passwordHash: user.passwordHash }, input.password);
  const opened = await openSession(deps, { userId: user._id, userAgent: input.userAgent });
  // The password may have been changed between its verification and now; that change has ended the sessions it found,
  // but not this one.
  const current = await deps.users.findById(user._id);
  if (current === null || current.passwordVersion !== user.passwordVersion) {
    await deps.sessions.revoke(opened, deps.clock.now());
    throw loginRejected();
  }
  return opened;
}

/** The caller's account and session. */
export async function describeSession(
  { users, sessions, config }: Pick<UserDeps, "users" | "sessions" | "config">,
  { sessionId, userId }: { sessionId: string; userId: string },
): Promise<{ user: User; session: StoredSession; expiresAt: Date }> {
  const [user, session] = await Promise.all([users.findById(userId), sessions.findById(sessionId)]);
  if (user === null || session === null) throw sessionUnknown();
  return { user, session, expiresAt: sessionExpiresAt(session, config.sessions) };
}

/**
 * Changes the password, ends every session of the user, of browsers and devices, and opens a new one for the caller.
 *
 * @throws DomainError `password.wrong`, `password.too_weak`, `password.unchanged`, `login.too_many`
 */
export async function changePassword(
  deps: UserDeps & EndSessionDeps & Pick<DevicePorts, "endDeviceSessions">,
  input: { userId: string; sessionId: string; currentPassword: string; newPassword: string } & Origin,
): Promise<OpenedSession> {
  const { user } = await describeSession(deps, input);
  // Counted like logins: whoever finds an open session must not guess the password with it.
  const attempt = await deps.loginLimits.begin({ email: user.email, address: input.address });
  const { passwordHash } = user;
  const matches = await verifyCounted(deps, attempt, passwordHash ?? undefined, input.currentPassword);
  if (passwordHash === null || !matches) throw passwordWrong();
  await deps.loginLimits.succeed(attempt);
  if (input.newPassword === input.currentPassword) {
    throw new DomainError("password.unchanged", "invalid", "The new password is the current one: choose another.", {
      fields: [{ field: "body.newPassword", message: "is the current password" }],
    });
  }
  requireStrength(input.newPassword, user, "body.newPassword");

  const to = await deps.passwords.hash(input.newPassword);
  const change = { userId: user._id, from: passwordHash, to, isNewPassword: true };
  // Sessions end first and last: dying in between leaves no old session beside the new password, and whoever logged in
  // with the old one meanwhile is caught by the second round or finds the change by himself (see login).
  await endAllSessions(deps, { userId: user._id });
  if (!(await deps.users.replacePasswordHash(change))) throw passwordWrong();
  await endAllSessions(deps, { userId: user._id });
  return openSession(deps, { userId: user._id, userAgent: input.userAgent });
}

/**
 * Opens a session for a user who proved control of a linked wallet.
 *
 * @throws DomainError `session.unknown` when the account was erased meanwhile
 */
export async function createSessionOfUser(
  deps: Pick<UserDeps, "users" | "sessions" | "clock" | "config">,
  input: Parameters<typeof openSession>[1],
): Promise<OpenedSession> {
  const opened = await openSession(deps, input);
  // Looked up after the session was stored: whoever erases the account ends it, or it ends here.
  if ((await deps.users.findById(input.userId)) !== null) return opened;
  await deps.sessions.revoke(opened, deps.clock.now());
  throw sessionUnknown();
}

/** Where a user is written to; null when the account is gone. */
export async function recipientOf(
  { users }: Pick<UserDeps, "users">,
  userId: string,
): Promise<{ name: string; address: string } | null> {
  const user = await users.findById(userId);
  return user === null ? null : { name: user.name, address: user.email };
}

/**
 * Whether a password is the one of the account of an address, counted like a login.
 *
 * @returns the account as it was when the password was verified; null when the password is wrong
 * @throws DomainError `login.too_many`
 */
export async function verifyPassword(
  deps: Pick<UserDeps, "users" | "passwords" | "loginLimits">,
  { email, password, address }: { email: string; password: string; address: string },
): Promise<User | null> {
  const attempt = await deps.loginLimits.begin({ email, address });
  const user = await deps.users.findByEmail(email);
  if (!(await verifyCounted(deps, attempt, user?.passwordHash ?? undefined, password))) return null;
  await deps.loginLimits.succeed(attempt);
  return user;
}

/** Verifies a password as part of a counted attempt, which does not count when the password could not be verified. */
async function verifyCounted(
  { passwords, loginLimits }: Pick<UserDeps, "passwords" | "loginLimits">,
  attempt: LoginAttempt,
  passwordHash: string | undefined,
  password: string,
): Promise<boolean> {
  try {
    return await passwords.verify(passwordHash, password);
  } catch (error) {
    await loginLimits.abandon(attempt);
    throw error;
  }
}

async function renewOutdatedHash(
  { users, passwords }: Pick<UserDeps, "users" | "passwords">,
  { userId, passwordHash }: { userId: string; passwordHash: string },
  password: string,
): Promise<void> {
  if (!passwords.isOutdated(passwordHash)) return;
  const to = await passwords.hash(password);
  await users.replacePasswordHash({ userId, from: passwordHash, to, isNewPassword: false });
}

function requireStrength(password: string, context: { email: string; name: string }, field: string): void {
  const weakness = passwordWeakness(password, context);
  if (weakness === undefined) return;
  throw new DomainError("password.too_weak", "invalid", `The password ${weakness}.`, {
    fields: [{ field, message: weakness }],
  });
}

function loginRejected(): DomainError {
  return new DomainError("login.refused", "unauthenticated", "E-mail address or password is wrong.");
}

function passwordWrong(): DomainError {
  return new DomainError("password.wrong", "forbidden", "The current password is wrong.", {
    fields: [{ field: "body.currentPassword", message: "is wrong" }],
  });
}
