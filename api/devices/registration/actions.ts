import { addSeconds, type Clock } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import { assertNever, DomainError } from "../../../core/errors";
import { equalsInConstantTime } from "../../../core/hash";
import { assertPossession } from "../../../core/keys/devicePossession";
import type { Timing } from "../../../process/context";
import type { DeviceSessionStore } from "../store";
import type { CodeOf } from "./codes";
import {
  accountChanged,
  type Admission,
  CHALLENGE_SECONDS,
  challengeRejection,
  codeWrong,
  type EmailChallenge,
  expectedPasswordVersion,
  MAX_ATTEMPTS,
  passwordNeeded,
  passwordWrong,
  type Registration,
} from "./rules";
import type { EmailChallengeStore } from "./store";

/** An account, as far as whoever reads its mail must know it. */
interface EmailAccount {
  userId: string;
  /** Changes with every change of the password. */
  passwordVersion: number;
  /** Whether somebody proved before to read its mail. */
  isConfirmed: boolean;
}

/** The accounts behind e-mail addresses. */
export interface AccountPorts {
  ofEmail(email: string): Promise<EmailAccount | null>;
  /** Null when the password is wrong. @throws DomainError `login.too_many` */
  ofPassword(input: { email: string; password: string; address: string }): Promise<EmailAccount | null>;
  /** False when the address has another account by now. */
  create(input: { userId: string; email: string }): Promise<boolean>;
  confirmEmail(userId: string): Promise<void>;
  reset(input: { userId: string; passwordVersion: number; exceptId: string }): Promise<void>;
  passwordVersionOf(userId: string): Promise<number | null>;
}

export interface SendCodeDeps {
  challenges: EmailChallengeStore;
  clock: Clock;
  timing: Pick<Timing, "sweepAfterSeconds">;
  /** Counts a code for its e-mail address. @throws DomainError `request.too_many` */
  takeEmailBudget(email: string): Promise<void>;
  /** Whether mail can be sent at all. */
  canMail: boolean;
  /** Queues the mail; neither waits nor throws, because a sweep queues what is left. */
  enqueueCode(challengeId: string): void;
}

/**
 * Sends a code to an e-mail address. Nothing is looked up: answer and work are the same whether it has an account.
 *
 * @param input.email normalised
 * @returns the challenge that the code answers
 * @throws DomainError `request.too_many`, `email_code.unavailable`
 */
export async function sendEmailCode(
  deps: SendCodeDeps,
  { email }: { email: string },
): Promise<{ challengeId: string }> {
  const { challenges, clock, timing } = deps;
  if (!deps.canMail) {
    const message = "No mail server is configured: codes cannot be sent.";
    throw new DomainError("email_code.unavailable", "not_implemented", message);
  }
  await deps.takeEmailBudget(email);
  const challengeId = randomId();
  const createdAt = clock.now();
  const expiresAt = addSeconds(createdAt, CHALLENGE_SECONDS);
  await challenges.insert(
    { challengeId, email, createdAt, expiresAt },
    addSeconds(createdAt, timing.sweepAfterSeconds),
  );
  deps.enqueueCode(challengeId);
  return { challengeId };
}

export interface ConfirmCodeDeps {
  challenges: EmailChallengeStore;
  deviceSessions: DeviceSessionStore;
  accounts: AccountPorts;
  codeOf: CodeOf;
  clock: Clock;
}

/** What a device answers a challenge with. */
export interface Confirmation {
  challengeId: string;
  code: string;
  /** Raw Ed25519 public key, 32 bytes. */
  publicKey: Buffer;
  /** The device's signature that it holds the private key, see `assertPossession`. */
  proof: Buffer;
  deviceName: string;
  /** Where nobody ever confirmed the account's address: its password, or the wish to reset the account. */
  password?: string | undefined;
  reset: boolean;
  /** From where, as `addressKey` gives it. */
  address: string;
}

/**
 * Registers a device for the account of the address that the code was sent to; where there is none, one is opened. Write
 * one uses the challenge and chooses the session's id, write two stores the session: whoever repeats the same
 * confirmation finishes it and gets the same answer.
 *
 * @throws DomainError `key.malformed`, `key.weak`, `key.possession_unproven`, which are no attempts; `email_code.wrong`,
 *   `email_code.unknown`, `email_code.expired`, `email_code.exhausted`, `email_code.used`; `account.password_needed`,
 *   `password.wrong`, `login.too_many`, `account.changed`
 */
export async function confirmEmailCode(
  deps: ConfirmCodeDeps,
  confirmation: Confirmation,
): Promise<{ deviceSessionId: string }> {
  assertPossession(confirmation);
  const { challenges, clock } = deps;
  const { challengeId } = confirmation;
  const challenge = await challenges.countAttempt(challengeId, clock.now());
  if (challenge === null) return repeatConfirmation(deps, confirmation);
  if (!(await isCodeOf(deps, confirmation))) throw codeWrong(MAX_ATTEMPTS - challenge.attempts);
  const registration = await decide(deps, challenge, confirmation);
  if (!(await challenges.use(challengeId, registration))) return repeatConfirmation(deps, confirmation);
  return finishRegistration(deps, { ...challenge, registration });
}

/** Compared in constant time; the code is computed for every challenge alike. */
async function isCodeOf(
  { codeOf }: Pick<ConfirmCodeDeps, "codeOf">,
  { challengeId, code }: Confirmation,
): Promise<boolean> {
  return equalsInConstantTime(code, await codeOf(challengeId));
}

/**
 * Answers a confirmation of a challenge that takes no attempts: if it was used with this very key and code, as then.
 * That is no attempt, because the key was proven and nothing is to be had but the id that it registered.
 */
async function repeatConfirmation(
  deps: ConfirmCodeDeps,
  confirmation: Confirmation,
): Promise<{ deviceSessionId: string }> {
  const now = deps.clock.now();
  const challenge = await deps.challenges.find(confirmation.challengeId);
  const registration = challenge?.registration ?? null;
  const isSameKey = registration?.publicKey === confirmation.publicKey.toString("base64url");
  if (challenge === null || registration === null || !isSameKey || challenge.expiresAt <= now) {
    throw challengeRejection(challenge, now);
  }
  if (!(await isCodeOf(deps, confirmation))) throw codeWrong(0);
  return finishRegistration(deps, { ...challenge, registration });
}

/** What the code does to the account of its address; nothing is written. */
async function decide(
  deps: ConfirmCodeDeps,
  { email }: EmailChallenge,
  confirmation: Confirmation,
): Promise<Registration> {
  const { publicKey, deviceName } = confirmation;
  const device = { deviceSessionId: randomId(), publicKey: publicKey.toString("base64url"), deviceName };
  const account = await deps.accounts.ofEmail(email);
  if (account === null) return { ...device, userId: randomId(), admission: "open", passwordVersion: 0 };
  const { userId, passwordVersion } = account;
  if (account.isConfirmed) return { ...device, userId, admission: "enter", passwordVersion };
  return { ...device, ...(await admitUnconfirmed(deps, email, confirmation, account)) };
}

/** An account whose address nobody confirmed may be another person's, who opened it with this address. */
async function admitUnconfirmed(
  { accounts }: Pick<ConfirmCodeDeps, "accounts">,
  email: string,
  { password, reset, address }: Confirmation,
  { userId, passwordVersion }: EmailAccount,
): Promise<{ userId: string; admission: Admission; passwordVersion: number }> {
  if (reset) return { userId, admission: "reset", passwordVersion };
  if (password === undefined) throw passwordNeeded();
  const owner = await accounts.ofPassword({ email, password, address });
  if (owner === null) throw passwordWrong();
  return { userId: owner.userId, admission: "confirm", passwordVersion: owner.passwordVersion };
}

/** Does what was decided. May be repeated, killed anywhere and run twice at once: it comes to the same session. */
async function finishRegistration(
  deps: ConfirmCodeDeps,
  challenge: EmailChallenge & { registration: Registration },
): Promise<{ deviceSessionId: string }> {
  const { deviceSessions, accounts, clock } = deps;
  const { registration } = challenge;
  const { deviceSessionId, userId, publicKey, deviceName: name } = registration;
  if (challenge.finishedAt !== null) return { deviceSessionId };
  await admit(deps, challenge.email, registration);
  await deviceSessions.insert({ _id: deviceSessionId, userId, publicKey, name, createdAt: clock.now() });
  // Read after the session was stored: whoever changes the password or erases the account ends it, or it ends here.
  if ((await accounts.passwordVersionOf(userId)) !== expectedPasswordVersion(registration)) {
    await deviceSessions.revoke({ deviceSessionId, userId }, clock.now());
    throw accountChanged();
  }
  await deps.challenges.finish(challenge.challengeId, clock.now());
  return { deviceSessionId };
}

async function admit(
  { accounts }: Pick<ConfirmCodeDeps, "accounts">,
  email: string,
  { admission, userId, passwordVersion, deviceSessionId }: Registration,
): Promise<void> {
  switch (admission) {
    case "open":
      if (!(await accounts.create({ userId, email }))) throw accountChanged();
      return;
    case "enter":
      return;
    case "confirm":
      return accounts.confirmEmail(userId);
    case "reset":
      return accounts.reset({ userId, passwordVersion, exceptId: deviceSessionId });
    default:
      assertNever(admission);
  }
}
