/** What a bitmap says of a credential, by the names of `statusPurpose` (W3C Bitstring Status List v1.0, section 2.1). */
export type StatusPurpose = "revocation" | "suspension";

/** The purposes in the order of the contract's enum. */
export const STATUS_PURPOSES = ["revocation", "suspension"] as const satisfies readonly StatusPurpose[];

/**
 * The purpose at a place of the contract's enum.
 *
 * @throws RangeError when the enum has no such place
 */
export function purposeAt(index: number): StatusPurpose {
  const purpose = STATUS_PURPOSES[index];
  if (purpose === undefined) throw new RangeError(`the contract knows no status purpose ${index}`);
  return purpose;
}

/** A status word's position, up to 2^88, as 22 lower-case hexadecimal digits: sorts as the number does. */
export type WordKey = string;

/** The {@link WordKey} of a word's position. */
export function wordKey(word: number | bigint): WordKey {
  return word.toString(16).padStart(22, "0");
}

/** The word that holds a credential's bits, and the bit's place in it, from 0 for the lowest index. */
export function placeOfCredential(credId: string): { word: WordKey; bit: number } {
  // 0x, 40 digits of the issuer, 24 of the index, whose last two are the place within a word.
  return { word: credId.slice(42, 64), bit: Number.parseInt(credId.slice(64), 16) };
}

/** Whether a bit of a word is set. `bits`: the word in hexadecimal with `0x`; bit 0 is its most significant. */
export function isBitSet(bits: string, bit: number): boolean {
  return ((Number.parseInt(bits.charAt(2 + (bit >> 2)), 16) >> (3 - (bit & 3))) & 1) === 1;
}

/** The key of the word `offset` places after another. */
export function wordAfter(word: WordKey, offset: number): WordKey {
  return wordKey(BigInt(`0x${word}`) + BigInt(offset));
}
