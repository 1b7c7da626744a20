import { createKeccak, type IHasher } from "hash-wasm";

/** Ethereum's bloom filters of 2,048 bits, three for each address and topic (Yellow Paper, section 4.3.1). */
export interface Blooms {
  /** The filter of a list of logs, as a header has it: `0x` and 512 hexadecimal digits. */
  of(logs: LogEntries[]): string;
  /** Whether a header's filter may contain an entry, an address or a topic in hexadecimal; false is certain. */
  mayContain(logsBloom: string, entry: string): boolean;
}

/** What of a log is added to a filter, in hexadecimal. */
interface LogEntries {
  address: string;
  topics: string[];
}

/** Which bits of a filter an entry sets, 0 being the lowest bit of the last byte. */
type Bits = readonly [number, number, number];

const FILTER_BYTES = 256;
/** Addresses, event signatures and issuers are looked up again and again, credential ids hardly ever. */
const MAX_CACHED_ENTRIES = 4_096;

interface BloomState {
  keccak256: IHasher;
  cache: Map<string, Bits>;
}

let loaded: Promise<Blooms> | undefined;

/** Loads the filters' hash function, once for the process: compiled to WebAssembly, since every topic is hashed. */
export function loadBlooms(): Promise<Blooms> {
  return (loaded ??= createBlooms());
}

async function createBlooms(): Promise<Blooms> {
  const state: BloomState = { keccak256: await createKeccak(256), cache: new Map() };
  return {
    of: (logs) => filterOf(state, logs),
    mayContain: (logsBloom, entry) => bitsOf(state, entry).every((bit) => isBitSet(logsBloom, bit)),
  };
}

/** Whether a header's filter is that of no log at all. */
export function isEmptyBloom(logsBloom: string): boolean {
  return /^0x0*$/.test(logsBloom);
}

/** The filter that contains whatever one of these contains, all of them `0x` and 512 hexadecimal digits. */
export function unionOf(filters: string[]): string {
  const union = Buffer.alloc(FILTER_BYTES);
  for (const filter of filters) {
    const bytes = Buffer.from(filter.slice(2), "hex");
    for (let at = 0; at < FILTER_BYTES; at += 1) union[at] = (union[at] ?? 0) | (bytes[at] ?? 0);
  }
  return `0x${union.toString("hex")}`;
}

function filterOf(state: BloomState, logs: LogEntries[]): string {
  const filter = Buffer.alloc(FILTER_BYTES);
  for (const { address, topics } of logs) {
    for (const entry of [address, ...topics]) {
      for (const bit of bitsOf(state, entry)) {
        const at = FILTER_BYTES - 1 - (bit >> 3);
        filter[at] = (filter[at] ?? 0) | (1 << (bit & 7));
      }
    }
  }
  return `0x${filter.toString("hex")}`;
}

function isBitSet(logsBloom: string, bit: number): boolean {
  // After "0x", each hexadecimal digit has four bits, the highest first.
  const digit = Number.parseInt(logsBloom.charAt(2 + FILTER_BYTES * 2 - 1 - (bit >> 2)), 16);
  return ((digit >> (bit & 3)) & 1) === 1;
}

function bitsOf({ keccak256, cache }: BloomState, entry: string): Bits {
  const known = cache.get(entry);
  if (known) return known;
  const digest = keccak256
    .init()
    .update(Buffer.from(entry.slice(2), "hex"))
    .digest("binary");
  const bit = (at: number) => (((digest[at] ?? 0) << 8) | (digest[at + 1] ?? 0)) & 2047;
  const bits: Bits = [bit(0), bit(2), bit(4)];
  if (cache.size >= MAX_CACHED_ENTRIES) cache.clear();
  cache.set(entry, bits);
  return bits;
}
