import { keccak256 } from "ethers";

/** A set of bits in a bloom filter of 2,048: three for each entry (Yellow Paper, section 4.3.1). */
type Bits = readonly [number, number, number];

const REMEMBERED = 20_000;
const remembered = new Map<string, Bits>();

/** The bits of an entry, an address or a topic in hexadecimal. Those asked lately are remembered. */
export function bitsOf(entry: string): Bits {
  const known = remembered.get(entry);
  if (known) return known;
  const digest = keccak256(entry);
  const bit = (at: number) => Number.parseInt(digest.slice(2 + at * 4, 6 + at * 4), 16) & 2047;
  const bits: Bits = [bit(0), bit(1), bit(2)];
  if (remembered.size >= REMEMBERED) remembered.clear();
  remembered.set(entry, bits);
  return bits;
}

/** Whether a header's filter may hold an entry; false is certain. */
export function mayHold(logsBloom: string, entry: string): boolean {
  return bitsOf(entry).every((bit) => {
    // Bit 0 is the lowest bit of the last byte, and each hexadecimal digit holds four.
    const digit = Number.parseInt(logsBloom.charAt(513 - (bit >> 2)), 16);
    return ((digit >> (bit & 3)) & 1) === 1;
  });
}

/** Whether a header's filter is that of no log at all. */
export function isEmptyBloom(logsBloom: string): boolean {
  return /^0x0*$/.test(logsBloom);
}

/** The filter of a list of logs, as a header has it. */
export function bloomOf(logs: { address: string; topics: string[] }[]): string {
  const filter = Buffer.alloc(256);
  const add = (entry: string) => {
    for (const bit of bitsOf(entry)) {
      const at = 255 - (bit >> 3);
      filter[at] = (filter[at] ?? 0) | (1 << (bit & 7));
    }
  };
  for (const { address, topics } of logs) {
    add(address);
    topics.forEach(add);
  }
  return `0x${filter.toString("hex")}`;
}
