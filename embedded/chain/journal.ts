import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";

/** The first line: how the chain began. */
export interface JournalHeader {
  format: 1;
  /** The node's own name and version; another version may mine other hashes. */
  client: string;
  /** Unix seconds of the genesis block. */
  genesisSeconds: number;
  genesisHash: string;
}

/** A transaction as a replay sends it to the node. `hash` alone when an earlier entry holds the rest. */
export interface RecordedTransaction {
  hash: string;
  /** Signed by a wallet: the bytes it sent. */
  raw?: string;
  /** Signed by the node itself, or sent for an impersonated account: every field of `eth_sendTransaction`. */
  send?: Record<string, unknown>;
}

/** One thing that happened to the chain. `atMs` is the wall clock (Unix milliseconds) when it began. */
export type JournalEntry =
  | {
      kind: "mined";
      /** The number of the last block. */
      number: number;
      /** How many blocks one call mined; all but the first are empty. */
      count: number;
      /** Seconds between them, as a hexadecimal quantity. */
      interval?: string;
      firstSeconds: number;
      lastSeconds: number;
      /** `mixHash` of the first block: it is drawn from a sequence that does not run alike twice. */
      mixHash: string;
      transactions: RecordedTransaction[];
      /** Hash of the last block. */
      hash: string;
      atMs: number;
    }
  | { kind: "pooled"; transaction: RecordedTransaction }
  | { kind: "call"; method: string; params: unknown[] }
  /** The chain's clock, where it does not follow from the last block. */
  | { kind: "clock"; seconds: number; atMs: number };

/** What a journal file holds. */
export interface JournalContent {
  header: JournalHeader;
  entries: JournalEntry[];
  /** Where the first entry begins. */
  start: number;
  /** Where the last complete line ends. */
  bytes: number;
}

/** A journal that cannot be continued. */
export class JournalError extends Error {
  override readonly name = "JournalError";
}

const NEWLINE = 10;

/**
 * The journal of a chain: a file of JSON lines that is only appended to, or truncated.
 *
 * Written without fsync: the page cache outlives a killed process, which is all that is promised here. A machine that
 * loses power may lose the last seconds of a developer's chain.
 */
export class Journal {
  private fd: number;

  /** @param start where the first entry begins */
  private constructor(
    readonly path: string,
    private size: number,
    readonly start: number,
  ) {
    this.fd = openSync(path, "a");
  }

  /**
   * Reads the file. A last line that is not complete comes from a kill while it was written; the call it records was
   * never answered, so it is left out.
   *
   * @returns null when there is no journal, or none whose first line is complete
   * @throws JournalError when any other line cannot be read
   */
  static read(path: string): JournalContent | null {
    if (!existsSync(path)) return null;
    const bytes = readFileSync(path);
    const lines: unknown[] = [];
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      lines.push(parseLine(bytes.subarray(from, end).toString(), lines.length + 1));
      from = end + 1;
    }
    const [header, ...entries] = lines as [JournalHeader | undefined, ...JournalEntry[]];
    if (header === undefined) return null;
    if ((header.format as number) !== 1) throw new JournalError("its first line is not of format 1");
    return { header, entries, start: bytes.indexOf(NEWLINE) + 1, bytes: from };
  }

  /** Begins a new journal. */
  static create(path: string, header: JournalHeader): Journal {
    const line = `${JSON.stringify(header)}\n`;
    writeFileSync(path, line);
    return new Journal(path, Buffer.byteLength(line), Buffer.byteLength(line));
  }

  /** Continues a journal that was read, after its last complete line. */
  static resume(path: string, { bytes, start }: { bytes: number; start: number }): Journal {
    const journal = new Journal(path, bytes, start);
    ftruncateSync(journal.fd, bytes);
    return journal;
  }

  /** Renames the file to a dated name, so that it is no longer used. @returns the new path */
  static setAside(path: string): string {
    const aside = path.replace(/\.jsonl$/, `-${new Date().toISOString().replaceAll(":", "-")}.jsonl`);
    renameSync(path, aside);
    return aside;
  }

  /** Where the next entry will begin, in bytes; see {@link cut}. */
  get end(): number {
    return this.size;
  }

  /** Appends entries; when it returns they outlive this process. */
  append(entries: JournalEntry[]): void {
    if (entries.length === 0) return;
    const bytes = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    for (let written = 0; written < bytes.length;) written += writeSync(this.fd, bytes, written);
    this.size += bytes.length;
  }

  /** Truncates the file at `end`. */
  cut(end: number): void {
    ftruncateSync(this.fd, end);
    this.size = end;
  }

  close(): void {
    closeSync(this.fd);
  }
}

function parseLine(text: string, number: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JournalError(`its line ${number} is not JSON`, { cause: error });
  }
}
