import { DomainError } from "../../../core/errors";

export const CHALLENGE_SECONDS = 10 * 60;
export const MAX_ATTEMPTS = 5;

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/**
 * How many codes are sent to one e-mail address. Ten a day, of five attempts each, are 50 guesses of a million a day at
 * one account: 0.005 %.
 */
export const EMAIL_LIMITS = [
  { name: "email-code-minute", limit: 1, windowSeconds: MINUTE },
  { name: "email-code-hour", limit: 5, windowSeconds: HOUR },
  { name: "email-code-day", limit: 10, windowSeconds: 24 * HOUR },
];

/** Codes that one IP address asks for. */
export const SEND_LIMIT = { name: "send-email-code", limit: 10, windowSeconds: HOUR };
/** Confirmations that one IP address tries. */
export const CONFIRM_LIMIT = { name: "confirm-email-code", limit: 30, windowSeconds: HOUR };

/**
 * What a confirmed code does to the account of its address:
 * - `open`: there is none, one is opened;
 * - `enter`: somebody confirmed the address before;
 * - `confirm`: nobody did, and the password was given as well;
 * - `reset`: nobody did: password, sessions and wallets' links end.
 */
export type Admission = "open" | "enter" | "confirm" | "reset";

/** The device that is registered by a challenge, and for whom: decided once, when the challenge is used. */
export interface Registration {
  deviceSessionId: string;
  userId: string;
  /** Raw Ed25519 public key, 32 bytes as base64url. */
  publicKey: string;
  deviceName: string;
  admission: Admission;
  /** Of the account when that was decided. */
  passwordVersion: number;
}

/** A code that was sent to an e-mail address. The code itself follows from the id. */
export interface EmailChallenge {
  challengeId: string;
  email: string;
  attempts: number;
  createdAt: Date;
  expiresAt: Date;
  /** Null while the challenge is open. */
  registration: Registration | null;
  /** When the device's session was stored; null before. */
  finishedAt: Date | null;
}

/** The version of the account's password when a registration is finished, if nobody else changed it. */
export function expectedPasswordVersion({ admission, passwordVersion }: Registration): number {
  return admission === "reset" ? passwordVersion + 1 : passwordVersion;
}

/** The rejection of a code that is not the challenge's. */
export function codeWrong(attemptsLeft: number): DomainError {
  const message = "The code is wrong.";
  return new DomainError("email_code.wrong", "unauthenticated", message, { details: { attemptsLeft } });
}

/** Why a challenge takes no attempt. */
export function challengeRejection(challenge: EmailChallenge | null, now: Date): DomainError {
  const again = "Ask for a new code.";
  if (challenge === null) return new DomainError("email_code.unknown", "not_found", `No such challenge. ${again}`);
  if (challenge.registration !== null) {
    const message = `The code was used to register a device. ${again}`;
    return new DomainError("email_code.used", "conflict", message);
  }
  if (challenge.expiresAt <= now) {
    return new DomainError("email_code.expired", "gone", `The code was valid for 10 minutes. ${again}`);
  }
  const message = `${MAX_ATTEMPTS} attempts were made with other codes. ${again}`;
  return new DomainError("email_code.exhausted", "gone", message);
}

/** The rejection of a code alone where nobody ever confirmed the account's address. */
export function passwordNeeded(): DomainError {
  const message =
    "The account was opened without confirming its e-mail address: give its password as well, or `reset: true`, which " +
    "ends its password, all its sessions and the links of its wallets.";
  return new DomainError("account.password_needed", "forbidden", message);
}

/** The rejection of a wrong password beside the right code. */
export function passwordWrong(): DomainError {
  return new DomainError("password.wrong", "forbidden", "The password is wrong.", {
    fields: [{ field: "body.password", message: "is wrong" }],
  });
}

/** The rejection where the account changed while the code was confirmed. */
export function accountChanged(): DomainError {
  const message = "The account changed while the code was confirmed. Ask for a new code.";
  return new DomainError("account.changed", "conflict", message);
}
