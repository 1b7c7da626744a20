import { DomainError } from "../../../core/errors";
import { type DevicePorts, endAllSessions, type EndSessionDeps } from "../actions";
import { type UserDeps, verifyPassword } from "../users/actions";
import type { User } from "../users/store";

/** What acting on the accounts of confirmed e-mail addresses needs. */
export interface ConfirmedEmailDeps extends UserDeps, EndSessionDeps, Pick<DevicePorts, "endDeviceSessions"> {
  /** Unlinks all of a user's wallets. */
  unlinkWallets(userId: string): Promise<void>;
}

/** An account, as far as whoever reads its mail must know it. */
export interface EmailAccount {
  userId: string;
  /** Changes with every change of the password. */
  passwordVersion: number;
  /** Whether somebody proved before to read its mail. */
  isConfirmed: boolean;
}

/** The account of an address; null when there is none. */
export async function accountOfEmail(
  { users }: Pick<ConfirmedEmailDeps, "users">,
  email: string,
): Promise<EmailAccount | null> {
  return emailAccountOf(await users.findByEmail(email));
}

/**
 * The account of an address, provided the password is its own; counted like a login.
 *
 * @returns null when the password is wrong
 * @throws DomainError `login.too_many`
 */
export async function accountOfPassword(
  deps: Pick<ConfirmedEmailDeps, "users" | "passwords" | "loginLimits">,
  input: { email: string; password: string; address: string },
): Promise<EmailAccount | null> {
  return emailAccountOf(await verifyPassword(deps, input));
}

/**
 * Opens an account without a password for whoever reads the mail of an address; again under the same id changes nothing.
 * Its name is the address's local part until its user gives another.
 *
 * @returns false when the address has another account by now
 */
export async function createConfirmedAccount(
  { users, clock }: Pick<ConfirmedEmailDeps, "users" | "clock">,
  { userId, email }: { userId: string; email: string },
): Promise<boolean> {
  const now = clock.now();
  const name = email.slice(0, email.lastIndexOf("@"));
  const account: User = {
    _id: userId,
    email,
    name,
    passwordHash: null,
    createdAt: now,
    passwordVersion: 0,
    emailVerifiedAt: now,
  };
  if (await users.insert(account)) return true;
  return (await users.findByEmail(email))?._id === userId;
}

/** Records that somebody proved to read the mail of an account's address. */
export async function confirmEmail(
  { users, clock }: Pick<ConfirmedEmailDeps, "users" | "clock">,
  userId: string,
): Promise<void> {
  await users.confirmEmail(userId, clock.now());
}

/**
 * Takes an account over for whoever reads the mail of its address, from whoever opened it without ever proving that:
 * password, sessions and wallets' links end. The address counts as confirmed only then, so that a reset which was cut
 * short is asked for again. Resetting again changes nothing.
 *
 * @param input.passwordVersion of the account that is to be reset: one whose password changed since stays as it is
 * @param input.exceptId the session that this is done for
 */
export async function resetAccount(
  deps: ConfirmedEmailDeps,
  { userId, passwordVersion, exceptId }: { userId: string; passwordVersion: number; exceptId: string },
): Promise<void> {
  // First: from here on nobody logs in with the password, and a login under way finds that it is another one.
  await deps.users.removePassword({ userId, passwordVersion });
  if ((await passwordVersionOf(deps, userId)) !== passwordVersion + 1) return;
  await endAllSessions(deps, { userId, exceptId });
  await deps.unlinkWallets(userId);
  await confirmEmail(deps, userId);
}

/** Tells of a change of an account's password meanwhile; null when the account is gone. */
export async function passwordVersionOf(
  { users }: Pick<ConfirmedEmailDeps, "users">,
  userId: string,
): Promise<number | null> {
  return (await users.findById(userId))?.passwordVersion ?? null;
}

/**
 * Lets pass whose e-mail address was confirmed.
 *
 * @throws DomainError `email.unconfirmed`
 */
export async function requireConfirmedEmail(
  { users }: Pick<ConfirmedEmailDeps, "users">,
  userId: string,
): Promise<void> {
  const user = await users.findById(userId);
  if (user !== null && user.emailVerifiedAt !== null) return;
  const message = "Nobody has confirmed the account's e-mail address: register a device with a code sent to it.";
  throw new DomainError("email.unconfirmed", "forbidden", message);
}

function emailAccountOf(user: User | null): EmailAccount | null {
  if (user === null) return null;
  const { _id: userId, passwordVersion, emailVerifiedAt } = user;
  return { userId, passwordVersion, isConfirmed: emailVerifiedAt !== null };
}
