import { z } from "zod";

const EMAIL_MAX_LENGTH = 254;

// Longer than any password that is accepted anywhere here, short enough to cost nothing.
const ANY_PASSWORD_MAX_LENGTH = 1024;

/**
 * An e-mail address in the one form under which accounts are stored: without outer spaces, NFC, lower case.
 * Two people at one mailbox, `Alice@` and `alice@`, do not exist at any provider in practice; two accounts would.
 */
export function normalizeEmail(text: string): string {
  return text.trim().normalize("NFC").toLowerCase();
}

/**
 * A password in the form in which it is hashed: NFKC, so that the same characters typed on another keyboard or system
 * are the same password (NIST SP 800-63B-4 §3.1.1.2).
 */
export function normalizePassword(text: string): string {
  return text.normalize("NFKC");
}

/** An e-mail address as people write it; normalised from then on. */
export const emailAddress = z
  .string()
  .transform(normalizeEmail)
  .pipe(z.email("is not an e-mail address: give one such as alice@example.org").max(EMAIL_MAX_LENGTH))
  .meta({ format: "email", examples: ["alice@example.org"] });

/** A password to compare with: whatever rules it was made under. */
export const anyPassword = z
  .string()
  .max(ANY_PASSWORD_MAX_LENGTH, "is too long to be a password")
  .transform(normalizePassword);
