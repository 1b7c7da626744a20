/** Fewest characters of a secret in production. */
const MIN_LENGTH = 16;

/** Fewest different characters that must be left without the words below: a drawn secret of 16 has more. */
const MIN_DISTINCT = 6;

/** What people type when they are asked for a secret. */
const GUESSABLE =
  /pass(word|phrase)?|secret|change ?-?_?me|cairn|admin|development|example|test|demo|key|qwerty|letmein|welcome|default|abcdef?|(?:0?123456789|12345678|1234567|123456|12345|1234)/g;

/**
 * What makes a secret one that can be guessed: shortness, repetition, or guessable words and little else.
 *
 * @param text without any prefix that all secrets of its form share
 * @returns what is wrong, to follow the variable's name; null when nothing is
 */
export function weaknessOf(text: string): string | null {
  if (text.length < MIN_LENGTH) return `is shorter than ${MIN_LENGTH} characters`;
  const rest = text.toLowerCase().replace(GUESSABLE, "");
  if (new Set(rest.replace(/[^a-z0-9]/g, "")).size >= MIN_DISTINCT) return null;
  return "can be guessed: it repeats few characters or words that everyone tries";
}
