import type { Clock } from "../../core/clock";
import { randomId, randomToken } from "../../core/crypto";
import { sha256Hex } from "../../core/hash";
import { DomainError, TransientError } from "../../core/errors";
import { describeDevice } from "./deviceName";
import type { LoginAttempt, LoginLimits } from "./loginLimits/rules";
import { passwordWeakness } from "./users/passwordRules";
import type { Passwords } from "./users/passwords";
import {
  isSessionToken,
  SESSION_TOKEN_PREFIX,
  type SessionLifetime,
  sessionEnd,
  sessionExpiresAt,
  sessionOver,
  sessionUnknown,
} from "./rules";
import type { SessionStore, StoredSession } from "./store";
import type { StoredUser, UserStore } from "./users/store";

/** What the use cases of sessions work with. */
export interface SessionParts {
  users: UserStore;
  sessions: SessionStore;
  passwords: Passwords;
  logins: LoginLimits;
  clock: Clock;
  lifetime: SessionLifetime;
}

/** A session just opened. The token is known to the caller alone from here on. */
export interface OpenedSession {
  token: string;
  sessionId: string;
  userId: string;
  /** When it ends if nothing more is asked. */
  expiresAt: Date;
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
  parts: SessionParts,
  input: { email: string; password: string; name: string } & Origin,
): Promise<OpenedSession> {
  requireStrength(input.password, input, "body.password");
  // Hashed before it is known whether the address is free, so that the time of the answer does not tell.
  const passwordHash = await parts.passwords.hash(input.password);
  const now = parts.clock.now();
  const { email, name } = input;
  const user = { _id: randomId(), email, name, passwordHash, createdAt: now, passwordVersion: 1 };
  if (!(await parts.users.insert(user))) {
    throw new DomainError("account.exists", "conflict", "This e-mail address has an account already: log in instead.");
  }
  await parts.logins.remember(input);
  return openSession(parts, { userId: user._id, userAgent: input.userAgent });
}

/**
 * Logs in with e-mail and password and opens a session with a token of its own, whatever the caller sent along.
 * Neither the answer nor its time tells whether the account exists.
 *
 * @throws DomainError `login.refused`, `login.too_many`
 */
export async function login(
  parts: SessionParts,
  input: { email: string; password: string } & Origin,
): Promise<OpenedSession> {
  const attempt = await parts.logins.begin(input);
  const user = await parts.users.findByEmail(input.email);
  const matches = await verifyCounted(parts.passwords, attempt, user?.passwordHash, input.password);
  if (user === null || !matches) throw loginRefused();
  await attempt.succeeded();
  await renewOutdatedHash(parts, user, input.password);
  const opened = await openSession(parts, { userId: user._id, userAgent: input.userAgent });
  // The password may have been changed between its verification and now; that change has ended the sessions it found,
  // but not this one.
  const current = await parts.users.findById(user._id);
  if (current === null || current.passwordVersion !== user.passwordVersion) {
    await parts.sessions.revoke(opened, parts.clock.now());
    throw loginRefused();
  }
  return opened;
}

/** Opens a session for a user whose identity was proven, by password or wallet. */
export async function openSession(
  { sessions, clock, lifetime }: Pick<SessionParts, "sessions" | "clock" | "lifetime">,
  { userId, userAgent }: { userId: string; userAgent: string | undefined },
): Promise<OpenedSession> {
  const token = randomToken(SESSION_TOKEN_PREFIX);
  const sessionId = randomId();
  const createdAt = clock.now();
  await sessions.insert({
    _id: sessionId,
    tokenHash: sha256Hex(token),
    userId,
    device: describeDevice(userAgent),
    createdAt,
  });
  return { token, sessionId, userId, expiresAt: sessionExpiresAt({ createdAt, lastActivityAt: createdAt }, lifetime) };
}

/** How often a session that ends between two looks is looked at again. */
const LOOKS = 3;

/**
 * Finds the valid session of a token and notes the activity.
 *
 * @throws DomainError `session.unknown`, `session.idle`, `session.expired`, `session.revoked`
 */
export async function readSession(
  { sessions, clock, lifetime }: Pick<SessionParts, "sessions" | "clock" | "lifetime">,
  token: string,
): Promise<StoredSession> {
  if (!isSessionToken(token)) throw sessionUnknown();
  const tokenHash = sha256Hex(token);
  for (let look = 0; look < LOOKS; look += 1) {
    const now = clock.now();
    const touched = await sessions.touch(tokenHash, now);
    if (touched !== null) return touched;
    const session = await sessions.findByTokenHash(tokenHash);
    if (session === null) throw sessionUnknown();
    const end = sessionEnd(session, lifetime, now);
    if (end !== undefined) throw sessionOver(end);
    // Another process, its clock a little behind, noted activity in between: the session lives on.
  }
  throw new TransientError("session.unsettled", "The session changes faster than it can be read.");
}

/** Ends the caller's own session. */
export async function logout(
  { sessions, clock }: Pick<SessionParts, "sessions" | "clock">,
  caller: { sessionId: string; userId: string },
): Promise<void> {
  await sessions.revoke(caller, clock.now());
}

/** The caller's account and session. */
export async function describeSession(
  { users, sessions, lifetime }: Pick<SessionParts, "users" | "sessions" | "lifetime">,
  { sessionId, userId }: { sessionId: string; userId: string },
): Promise<{ user: StoredUser; session: StoredSession; expiresAt: Date }> {
  const [user, session] = await Promise.all([users.findById(userId), sessions.findById(sessionId)]);
  if (user === null || session === null) throw sessionUnknown();
  return { user, session, expiresAt: sessionExpiresAt(session, lifetime) };
}

/** Ends the session of a token that its browser is about to replace; anything else than a token is ignored. */
export async function endReplacedSession(
  { sessions, clock }: Pick<SessionParts, "sessions" | "clock">,
  token: string | undefined,
): Promise<void> {
  if (token !== undefined && isSessionToken(token)) await sessions.revokeByTokenHash(sha256Hex(token), clock.now());
}

/**
 * Changes the password, ends every session of the user, and opens a new one for the caller.
 *
 * @throws DomainError `password.wrong`, `password.too_weak`, `password.unchanged`, `login.too_many`
 */
export async function changePassword(
  parts: SessionParts,
  input: { userId: string; sessionId: string; currentPassword: string; newPassword: string } & Origin,
): Promise<OpenedSession> {
  const { user } = await describeSession(parts, input);
  // Counted like logins: whoever finds an open session must not guess the password with it.
  const attempt = await parts.logins.begin({ email: user.email, address: input.address });
  if (!(await verifyCounted(parts.passwords, attempt, user.passwordHash, input.currentPassword))) throw passwordWrong();
  await attempt.succeeded();
  if (input.newPassword === input.currentPassword) {
    throw new DomainError("password.unchanged", "invalid", "The new password is the current one: choose another.", {
      fields: [{ field: "body.newPassword", message: "is the current password" }],
    });
  }
  requireStrength(input.newPassword, user, "body.newPassword");

  const to = await parts.passwords.hash(input.newPassword);
  const change = { userId: user._id, from: user.passwordHash, to, isNewPassword: true };
  // Sessions end first and last: dying in between leaves no old session beside the new password, and whoever logged in
  // with the old one meanwhile is caught by the second round or finds the change by himself (see login).
  await parts.sessions.revokeAll(user._id, parts.clock.now());
  if (!(await parts.users.replacePasswordHash(change))) throw passwordWrong();
  await parts.sessions.revokeAll(user._id, parts.clock.now());
  return openSession(parts, { userId: user._id, userAgent: input.userAgent });
}

/** Verifies a password as part of a counted attempt; when it could not be looked at, the attempt does not count. */
async function verifyCounted(
  passwords: Passwords,
  attempt: LoginAttempt,
  passwordHash: string | undefined,
  password: string,
): Promise<boolean> {
  try {
    return await passwords.verify(passwordHash, password);
  } catch (error) {
    await attempt.abandoned();
    throw error;
  }
}

async function renewOutdatedHash(
  { users, passwords }: SessionParts,
  user: StoredUser,
  password: string,
): Promise<void> {
  if (!passwords.isOutdated(user.passwordHash)) return;
  const to = await passwords.hash(password);
  await users.replacePasswordHash({ userId: user._id, from: user.passwordHash, to, isNewPassword: false });
}

function requireStrength(password: string, context: { email: string; name: string }, field: string): void {
  const weakness = passwordWeakness(password, context);
  if (weakness === undefined) return;
  throw new DomainError("password.too_weak", "invalid", `The password ${weakness}.`, {
    fields: [{ field, message: weakness }],
  });
}

function loginRefused(): DomainError {
  return new DomainError("login.refused", "unauthenticated", "E-mail address or password is wrong.");
}

function passwordWrong(): DomainError {
  return new DomainError("password.wrong", "forbidden", "The current password is wrong.", {
    fields: [{ field: "body.currentPassword", message: "is wrong" }],
  });
}
