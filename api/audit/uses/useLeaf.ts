import { getBytes, hexlify } from "ethers";
import { sha256 } from "../../../core/hash";
import { hashLeaf } from "./merkleTree";

/** What a leaf says of a use: neither who presented the credential nor to whom. */
export interface UseLeaf {
  /** 32 random bytes of this use alone: without them nobody can guess what a leaf says. `0x` and 64 digits. */
  salt: string;
  /** The credential's name on the chain, `0x` and 64 digits. */
  credId: string;
  /** Which use of the credential it is, from 1, and of how many. */
  useNumber: number;
  maxUsages: number;
  usedAt: Date;
}

const HEAD = Buffer.of(0x02);

/**
 * The hash of a use's leaf: SHA-256 of a zero byte and 80 bytes, which are the salt (32), the credential's name (32), the
 * number of the use and the most uses (4 each), and its time in milliseconds since 1970 (8). Numbers are big-endian.
 *
 * @throws RangeError for a salt or a name of another length, and for numbers that do not fit
 */
export function hashUse({ salt, credId, useNumber, maxUsages, usedAt }: UseLeaf): Buffer {
  const numbers = Buffer.alloc(16);
  numbers.writeUInt32BE(useNumber, 0);
  numbers.writeUInt32BE(maxUsages, 4);
  numbers.writeBigUInt64BE(BigInt(usedAt.getTime()), 8);
  return hashLeaf(Buffer.concat([bytes32(salt), bytes32(credId), numbers]));
}

/**
 * The digest that is anchored of a tree: SHA-256 of the byte 2, the number of its leaves (8 bytes, big-endian) and its
 * root, so that nobody can say later that it had more leaves or fewer.
 *
 * @returns `0x` and 64 hexadecimal digits
 */
export function digestOf(root: Uint8Array, size: number): string {
  const count = Buffer.alloc(8);
  count.writeBigUInt64BE(BigInt(size));
  return hexlify(sha256(Buffer.concat([HEAD, count, root])));
}

function bytes32(hex: string): Uint8Array {
  const bytes = getBytes(hex);
  if (bytes.length !== 32) throw new RangeError("a salt and a credential's name have 32 bytes");
  return bytes;
}
