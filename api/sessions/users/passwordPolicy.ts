import { readFileSync } from "node:fs";
import { join } from "node:path";

export const PASSWORD_MIN_LENGTH = 8;
export const PASSWORD_MAX_LENGTH = 128;

/** What a guesser knows of the account and would try first. */
export interface PasswordContext {
  email: string;
  name: string;
}

/** Digits and signs people write instead of letters. */
const SUBSTITUTES: Record<string, string> = {
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
  "@": "a",
  $: "s",
  "!": "i",
};

const ROWS = [
  "0123456789",
  "abcdefghijklmnopqrstuvwxyz",
  "qwertyuiop",
  "qwertzuiop",
  "azertyuiop",
  "asdfghjkl",
  "zxcvbnm",
  "1q2w3e4r5t6y7u8i9o0p",
];
const CYCLES = ROWS.flatMap((row) => [row + row, Array.from(row).reverse().join("").repeat(2)]);

const LONGEST_REPEATED_UNIT = 4;
const SHORTEST_PERSONAL_WORD = 4;

const COMMON = readCommonPasswords();

function readCommonPasswords(): Set<string> {
  const lines = readFileSync(join(__dirname, "common-passwords.txt"), "utf8").split("\n");
  return new Set(
    lines.filter((line) => !line.startsWith("#")).flatMap((line) => line.split(/\s+/).filter((word) => word !== "")),
  );
}

/** How many entries the embedded list of common passwords has. */
export const commonPasswordCount = COMMON.size;

/** Length in code points, which is what people see as characters (NIST SP 800-63B-4 §3.1.1.2). */
export function passwordLength(password: string): number {
  return Array.from(password).length;
}

/** Whether the text has a UTF-16 surrogate without its partner: hashing would make all of these one password. */
export function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/**
 * Why a password of allowed length would be guessed, as a sentence that completes "The password ..."; undefined when it
 * is none of the guesses tried first. There are no rules on kinds of characters: NIST SP 800-63B-4 §3.1.1.2 forbids them.
 */
export function passwordWeakness(password: string, context: PasswordContext): string | undefined {
  const lower = password.toLowerCase();
  if (isRepetition(lower)) return "repeats a few characters: choose several unrelated words";
  if (isSequence(lower))
    return "is a sequence of the alphabet, the digits or the keyboard: choose several unrelated words";
  if (isCommon(lower)) return "is among the passwords everybody tries first: choose several unrelated words";
  const personal = personalWords(context).find((word) => leftover(lower, word) < PASSWORD_MIN_LENGTH);
  if (personal !== undefined) return "is made of your name or e-mail address: choose words that do not belong to you";
  return undefined;
}

function isCommon(lower: string): boolean {
  const bare = (text: string) => text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, "");
  const letters = (text: string) => text.replace(/[013457@$!]/g, (sign) => SUBSTITUTES[sign] ?? sign);
  // "p@ssw0rd1!" is bare of "1!" first; "1l0vey0u" only shows its word when every sign is read as a letter.
  const trimmed = lower.replace(/[^\p{L}@$]+$/u, "");
  return [lower, bare(lower), letters(trimmed), bare(letters(trimmed)), letters(lower)].some((form) =>
    COMMON.has(form),
  );
}

function isRepetition(lower: string): boolean {
  for (let size = 1; size <= LONGEST_REPEATED_UNIT; size += 1) {
    const unit = lower.slice(0, size);
    if (unit.repeat(Math.ceil(lower.length / size)).startsWith(lower)) return true;
  }
  return false;
}

/** Whether the whole is one run along a row, or two such runs, as in `abcd1234`. */
function isSequence(lower: string): boolean {
  let rest = lower;
  for (let runs = 0; runs < 2 && rest !== ""; runs += 1) rest = rest.slice(longestRun(rest));
  return rest === "";
}

function longestRun(text: string): number {
  let length = 0;
  for (const cycle of CYCLES) {
    while (length < text.length && cycle.includes(text.slice(0, length + 1))) length += 1;
  }
  return length;
}

function personalWords({ email, name }: PasswordContext): string[] {
  const [local = "", domain = ""] = email.toLowerCase().split("@");
  const words = [
    local,
    domain,
    ...local.split(/[._+-]+/),
    ...domain.split("."),
    ...name.toLowerCase().split(/[\s.'-]+/),
  ];
  const whole = [name.toLowerCase().replaceAll(/\s+/g, "")];
  return [...words, ...whole].filter((word) => word.length >= SHORTEST_PERSONAL_WORD);
}

/** How long the password is without the word; a long phrase in which a name occurs is still long. */
function leftover(lower: string, word: string): number {
  return lower.includes(word) ? passwordLength(lower.replaceAll(word, "")) : Number.POSITIVE_INFINITY;
}
