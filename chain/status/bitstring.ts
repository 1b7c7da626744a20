import { gunzipSync, gzipSync } from "node:zlib";
import { DomainError } from "../../core/errors";

const BYTES_PER_WORD = 32;
const MAX_WORD = 2n ** 256n - 1n;

/** The longest bitstring that {@link decodeBitstring} unpacks unless told otherwise: 16 MiB, 134 million credentials. */
const MAX_DECODED_BYTES = 16 * 1024 * 1024;

/**
 * The words of the chain as a bitstring: big-endian, one after the other. The bit of index 0 becomes the most
 * significant bit of the first byte, as W3C Bitstring Status List v1.0 (section 3.2) has it.
 *
 * @throws DomainError `bitstring.word_out_of_range`
 */
export function wordsToBytes(words: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(words.length * BYTES_PER_WORD);
  words.forEach((word, position) => {
    if (word < 0n || word > MAX_WORD) {
      throw new DomainError(
        "bitstring.word_out_of_range",
        "invalid",
        `Word ${position} does not have 256 bits: ${word}.`,
      );
    }
    bytes.set(Buffer.from(word.toString(16).padStart(2 * BYTES_PER_WORD, "0"), "hex"), position * BYTES_PER_WORD);
  });
  return bytes;
}

/**
 * The inverse of {@link wordsToBytes}.
 *
 * @throws DomainError `bitstring.length_mismatch` when the bytes do not fill whole words
 */
export function bytesToWords(bytes: Uint8Array): bigint[] {
  if (bytes.length % BYTES_PER_WORD !== 0) {
    throw new DomainError(
      "bitstring.length_mismatch",
      "invalid",
      `A bitstring of whole words has a multiple of ${BYTES_PER_WORD} bytes, not ${bytes.length}.`,
    );
  }
  const words: bigint[] = [];
  for (let start = 0; start < bytes.length; start += BYTES_PER_WORD) {
    words.push(BigInt(`0x${Buffer.from(bytes.subarray(start, start + BYTES_PER_WORD)).toString("hex")}`));
  }
  return words;
}

/**
 * The bit of one index.
 *
 * @throws DomainError `bitstring.index_out_of_range`
 */
export function getBit(bytes: Uint8Array, index: number): boolean {
  const { byte, mask } = locate(bytes, index);
  return (byte & mask) !== 0;
}

/**
 * Sets or clears the bit of one index, in place.
 *
 * @throws DomainError `bitstring.index_out_of_range`
 */
export function setBit(bytes: Uint8Array, index: number, on: boolean): void {
  const { byte, mask } = locate(bytes, index);
  bytes[index >> 3] = on ? byte | mask : byte & ~mask;
}

/**
 * A bitstring as the `encodedList` of a status list credential: GZIP (RFC 1952), then multibase base64url without
 * padding, which begins with `u` (W3C Bitstring Status List v1.0, section 3.3).
 */
export function encodeBitstring(bytes: Uint8Array): string {
  return `u${gzipSync(bytes).toString("base64url")}`;
}

/**
 * The inverse of {@link encodeBitstring}.
 *
 * @param maxBytes how long the result may become: a few bytes of GZIP can unpack to gigabytes
 * @throws DomainError `bitstring.malformed`, also when the result would be longer than `maxBytes`
 */
export function decodeBitstring(encodedList: string, maxBytes = MAX_DECODED_BYTES): Uint8Array {
  if (!/^u[A-Za-z0-9_-]+$/.test(encodedList)) {
    throw new DomainError("bitstring.malformed", "invalid", "An encoded bitstring is `u` followed by base64url.");
  }
  try {
    return new Uint8Array(gunzipSync(Buffer.from(encodedList.slice(1), "base64url"), { maxOutputLength: maxBytes }));
  } catch (cause) {
    throw new DomainError(
      "bitstring.malformed",
      "invalid",
      `The encoded bitstring is not GZIP of at most ${maxBytes} bytes.`,
      { cause },
    );
  }
}

function locate(bytes: Uint8Array, index: number): { byte: number; mask: number } {
  const byte = Number.isInteger(index) ? bytes[Math.floor(index / 8)] : undefined;
  if (byte === undefined) {
    throw new DomainError(
      "bitstring.index_out_of_range",
      "invalid",
      `The bitstring has the indexes 0 to ${bytes.length * 8 - 1}, not ${index}.`,
    );
  }
  return { byte, mask: 0x80 >> (index % 8) };
}
