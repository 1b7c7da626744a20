/** A status word's position, below 2^88, as 22 lower-case hexadecimal digits: sorts as the number does. */
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

/** The word, in hexadecimal with `0x`, in which one bit alone is set; bit 0 is its most significant. */
export function maskOfBit(bit: number): string {
  return `0x${"0".repeat(bit >> 2)}${(8 >> (bit & 3)).toString(16)}${"0".repeat(63 - (bit >> 2))}`;
}

/** A word after the bits of a mask were set or cleared; all three in hexadecimal with `0x`. */
export function mergeBits(bits: string, mask: string, value: boolean): string {
  const merged = value ? BigInt(bits) | BigInt(mask) : BigInt(bits) & ~BigInt(mask);
  return `0x${merged.toString(16).padStart(64, "0")}`;
}

/** The key of the word `offset` places after another. */
export function wordAfter(word: WordKey, offset: number): WordKey {
  return wordKey(BigInt(`0x${word}`) + BigInt(offset));
}
