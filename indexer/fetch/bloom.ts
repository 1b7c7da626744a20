import { createKeccak } from "hash-wasm";

/** Ethereum's bloom filters of 2,048 bits, three for each address and topic (Yellow Paper, section 4.3.1). */
export interface Blooms {
  /** The filter of a list of logs, as a header has it. */
  of(logs: { address: string; topics: string[] }[]): string;
  /** Whether a header's filter may hold an entry, an address or a topic in hexadecimal; false is certain. */
  mayHold(logsBloom: string, entry: string): boolean;
}

/** Which bits of a filter an entry sets, 0 being the lowest bit of the last byte. */
type Bits = readonly [number, number, number];

const FILTER_BYTES = 256;
/** Addresses, event names and issuers come again and again; credential ids do not, and are soon forgotten. */
const REMEMBERED = 4_096;

let opened: Promise<Blooms> | undefined;

/** Opens the filters' hash function, once for the process: compiled to WebAssembly, for every topic of every log passes it. */
export function loadBlooms(): Promise<Blooms> {
  return (opened ??= makeBlooms());
}

/** Whether a header's filter is that of no log at all. */
export function isEmptyBloom(logsBloom: string): boolean {
  return /^0x0*$/.test(logsBloom);
}

async function makeBlooms(): Promise<Blooms> {
  const keccak256 = await createKeccak(256);
  const remembered = new Map<string, Bits>();

  function bitsOf(entry: string): Bits {
    const known = remembered.get(entry);
    if (known) return known;
    const digest = keccak256
      .init()
      .update(Buffer.from(entry.slice(2), "hex"))
      .digest("binary");
    const bit = (at: number) => (((digest[at] ?? 0) << 8) | (digest[at + 1] ?? 0)) & 2047;
    const bits: Bits = [bit(0), bit(2), bit(4)];
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(entry, bits);
    return bits;
  }

  return {
    of(logs) {
      const filter = Buffer.alloc(FILTER_BYTES);
      const add = (entry: string) => {
        for (const bit of bitsOf(entry)) {
          const at = FILTER_BYTES - 1 - (bit >> 3);
          filter[at] = (filter[at] ?? 0) | (1 << (bit & 7));
        }
      };
      for (const { address, topics } of logs) {
        add(address);
        topics.forEach(add);
      }
      return `0x${filter.toString("hex")}`;
    },
    mayHold(logsBloom, entry) {
      return bitsOf(entry).every((bit) => {
        // After "0x", each hexadecimal digit holds four bits, the highest first.
        const digit = Number.parseInt(logsBloom.charAt(2 + FILTER_BYTES * 2 - 1 - (bit >> 2)), 16);
        return ((digit >> (bit & 3)) & 1) === 1;
      });
    },
  };
}
