/** One field of what is signed: text, raw bytes, or an integer of 64 bits, signed or unsigned. */
export type SignedField = string | Uint8Array | bigint;

const UNPAIRED_SURROGATE = /\p{Surrogate}/u;

/**
 * The bytes that a signature covers: LP(tag), then LP(field) for every field in the given order. LP(x) is the length of
 * x in bytes as an unsigned 32-bit integer, big-endian, and x. Text is UTF-8, an integer is its 8 bytes, big-endian
 * (two's complement). With the lengths, no two lists of fields give the same bytes; with the tag, no signature made
 * for one purpose counts for another.
 *
 * @throws RangeError when an integer does not fit into 64 bits, or a text has an unpaired surrogate, which UTF-8 cannot
 *   express
 */
export function signingBytes(tag: string, fields: SignedField[]): Buffer {
  return Buffer.concat([tag, ...fields].flatMap((field) => lengthPrefixed(bytesOf(field))));
}

function lengthPrefixed(bytes: Uint8Array): Uint8Array[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}

function bytesOf(field: SignedField): Uint8Array {
  if (typeof field === "bigint") return integerBytes(field);
  if (typeof field !== "string") return field;
  if (UNPAIRED_SURROGATE.test(field)) throw new RangeError("text with an unpaired surrogate cannot be signed");
  return Buffer.from(field, "utf8");
}

function integerBytes(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  if (value < 0n) bytes.writeBigInt64BE(value);
  else bytes.writeBigUInt64BE(value);
  return bytes;
}
