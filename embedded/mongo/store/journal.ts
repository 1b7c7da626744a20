import {
  closeSync,
  existsSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { MAX_DOCUMENT_BYTES, decode, encode, encodeBounded } from "../bson/codec";
import type { Change } from "./store";

/*
 * The file is a sequence of frames: length of the payload (uint32 LE), CRC-32 of the payload (uint32 LE), payload (one
 * change as BSON). What a command changed is written, in one call, before the command is acknowledged: so
 * nothing acknowledged is lost when this process is killed. Against a loss of power the file is flushed to the disk every
 * FSYNC_MS, and before the acknowledgement where the write concern says `j: true`.
 */
const FILE = "journal.bson";
const FRAME_HEAD = 8;
const MAX_PAYLOAD = MAX_DOCUMENT_BYTES + 1024;
/** What a change adds to its document, beside the namespace. */
const EMPTY_PUT = encode({ op: "put", ns: "", document: {} }).length - 5;
const FSYNC_MS = 100;
const COMPACT_AFTER_BYTES = 32 * 1024 * 1024;
const CHUNK = 4 * 1024 * 1024;

/** Raised at start when the file is damaged before its end, where no crash of ours can have damaged it. */
export class JournalDamagedError extends Error {
  override readonly name = "JournalDamagedError";
}

/** The append-only log of a store's changes in one folder. */
export class Journal {
  private descriptor: number;
  private size = 0;
  private sizeAfterCompaction = 0;
  private waiting: Uint8Array[] = [];
  private dirty = false;
  private failure: unknown;
  private syncing = false;
  private readonly timer: NodeJS.Timeout;

  private constructor(private readonly folder: string) {
    rmSync(this.newFile, { force: true });
    this.descriptor = openSync(this.file, "a+");
    this.timer = setInterval(() => this.syncSoon(), FSYNC_MS);
    this.timer.unref();
  }

  private get file(): string {
    return path.join(this.folder, FILE);
  }

  private get newFile(): string {
    return path.join(this.folder, `${FILE}.new`);
  }

  /**
   * Opens the journal in `folder` and hands every change in it to `replay`. A torn tail, which a crash leaves, is cut
   * off: it was never acknowledged.
   *
   * @throws JournalDamagedError when intact frames follow a damaged one.
   */
  static open(folder: string, replay: (change: Change) => void): Journal {
    const journal = new Journal(folder);
    const end = readFrames(journal.descriptor, journal.file, replay);
    if (end < fstatSync(journal.descriptor).size) ftruncateSync(journal.descriptor, end);
    journal.size = end;
    return journal;
  }

  /** Adds a change to what {@link commit} will write. Throws BSONObjectTooLarge for a document over 16 MiB. */
  append(change: Change): void {
    this.waiting.push(...frameOf(change));
  }

  /** Writes the appended changes; with `durable`, waits for the disk. To be called before acknowledging them. */
  commit(durable: boolean): void {
    // After a failed write the file may end in half a frame: anything appended after that could not be read.
    if (this.failure) throw new Error(`${this.file} could not be written; restart the server`, { cause: this.failure });
    try {
      this.write(durable);
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  private write(durable: boolean): void {
    if (this.waiting.length > 0) {
      const bytes = Buffer.concat(this.waiting);
      this.waiting = [];
      writeFully(this.descriptor, bytes);
      this.size += bytes.length;
      this.dirty = true;
    }
    if (durable && this.dirty) {
      fsyncSync(this.descriptor);
      this.dirty = false;
    }
  }

  /** Whether enough has been written since the last compaction for another to be worth its cost. */
  get wantsCompaction(): boolean {
    return this.size - this.sizeAfterCompaction > Math.max(COMPACT_AFTER_BYTES, this.sizeAfterCompaction);
  }

  /** Replaces the log by `snapshot`, atomically: a crash leaves either the old file or the new one. */
  compact(snapshot: Iterable<Change>): void {
    this.commit(false);
    const target = openSync(this.newFile, "w");
    let frames: Uint8Array[] = [];
    let bytes = 0;
    const flush = (): void => {
      writeFully(target, Buffer.concat(frames));
      frames = [];
      bytes = 0;
    };
    for (const change of snapshot) {
      const frame = frameOf(change);
      frames.push(...frame);
      bytes += frame.reduce((sum, part) => sum + part.length, 0);
      if (bytes > CHUNK) flush();
    }
    flush();
    fsyncSync(target);
    closeSync(target);
    renameSync(this.newFile, this.file);
    syncFolder(this.folder);
    closeSync(this.descriptor);
    this.descriptor = openSync(this.file, "a+");
    this.size = fstatSync(this.descriptor).size;
    this.sizeAfterCompaction = this.size;
    this.dirty = false;
  }

  close(): void {
    clearInterval(this.timer);
    this.commit(true);
    closeSync(this.descriptor);
  }

  private syncSoon(): void {
    if (!this.dirty || this.syncing) return;
    this.dirty = false;
    this.syncing = true;
    const { descriptor } = this;
    fsync(descriptor, (error) => {
      this.syncing = false;
      // A compaction in between has closed the descriptor and synced everything itself.
      if (error && descriptor === this.descriptor) this.dirty = true;
    });
  }
}

/** Whether `folder` holds a journal. */
export const hasJournal = (folder: string): boolean => existsSync(path.join(folder, FILE));

function frameOf(change: Change): [Uint8Array, Uint8Array] {
  const payload = encodeBounded({ ...change }, EMPTY_PUT + Buffer.byteLength(change.ns));
  const head = Buffer.allocUnsafe(FRAME_HEAD);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt32LE(crc32(payload), 4);
  return [head, payload];
}

function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Replays frame after frame; returns where the last intact one ends. */
function readFrames(descriptor: number, file: string, replay: (change: Change) => void): number {
  const { size } = fstatSync(descriptor);
  let buffer = Buffer.alloc(0);
  let start = 0; // the offset in the file of buffer[0]
  let at = 0;
  const fill = (needed: number): boolean => {
    if (at + needed <= buffer.length) return true;
    const rest = buffer.subarray(at);
    const next = Buffer.allocUnsafe(Math.max(CHUNK, needed));
    rest.copy(next);
    let length = rest.length;
    while (length < next.length) {
      const read = readSync(descriptor, next, length, next.length - length, start + at + length);
      if (read === 0) break;
      length += read;
    }
    start += at;
    at = 0;
    buffer = next.subarray(0, length);
    return needed <= length;
  };
  while (fill(FRAME_HEAD)) {
    const length = buffer.readUInt32LE(at);
    const intact = isPlausible(length) && fill(FRAME_HEAD + length) && isIntact(buffer, at, length);
    if (!intact) {
      assertTornTail(descriptor, start + at, size, file);
      break;
    }
    replay(decode(buffer.subarray(at + FRAME_HEAD, at + FRAME_HEAD + length)) as unknown as Change);
    at += FRAME_HEAD + length;
  }
  return start + at;
}

const isPlausible = (length: number): boolean => length >= 5 && length <= MAX_PAYLOAD;

function isIntact(buffer: Buffer, at: number, length: number): boolean {
  const payload = buffer.subarray(at + FRAME_HEAD, at + FRAME_HEAD + length);
  return payload.readUInt32LE(0) === length && crc32(payload) === buffer.readUInt32LE(at + 4);
}

/** A crash tears the last frame. An intact frame after a damaged one means lost data, which must be reported. */
function assertTornTail(descriptor: number, from: number, size: number, file: string): void {
  const tail = Buffer.alloc(Math.min(size - from, 2 * MAX_PAYLOAD));
  readSync(descriptor, tail, 0, tail.length, from);
  for (let at = 1; at + FRAME_HEAD + 5 <= tail.length; at++) {
    const length = tail.readUInt32LE(at);
    // The payload is BSON and starts with its own length: these four bytes rule out nearly every wrong position.
    if (!isPlausible(length) || tail.readUInt32LE(at + FRAME_HEAD) !== length) continue;
    if (at + FRAME_HEAD + length <= tail.length && isIntact(tail, at, length)) {
      throw new JournalDamagedError(
        `${file} is damaged at byte ${from}, and intact data follows. Restore the file from a backup, or move its folder away to start empty.`,
      );
    }
  }
}
