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
import { messageOf } from "../../../core/errors";
import { type FrameReader, frameOf, frameOfEncoded, readFrames } from "./frames";
import type { Change, Snapshot } from "./change";

/*
 * What a command changed is written to the file (frames.ts), in one call, before the command is acknowledged: so nothing
 * acknowledged is lost when this process is killed. Against a loss of power the file is flushed to the disk every
 * FSYNC_MS, and before the acknowledgement where the write concern says `j: true`.
 */
const FILE = "journal.bson";
const FSYNC_MS = 100;
const COMPACT_AFTER_BYTES = 32 * 1024 * 1024;
const CHUNK = 4 * 1024 * 1024;

/** Raised when changes could not be written. The file is as it was before them, and further writes may succeed. */
export class JournalWriteError extends Error {
  override readonly name = "JournalWriteError";

  /** Whether the disk, or this user's share of it, is full. */
  get isDiskFull(): boolean {
    return ["ENOSPC", "EDQUOT"].includes((this.cause as NodeJS.ErrnoException).code ?? "");
  }
}

/** Receives a line for people. */
type Report = (line: string) => void;

/** The append-only log of a store's changes in one folder. */
export class Journal {
  private descriptor: number;
  private size = 0;
  private sizeAfterCompaction = 0;
  private compactionFailedAt = 0;
  private waiting: Uint8Array[] = [];
  private dirty = false;
  private failure: unknown;
  private syncing = false;
  private readonly timer: NodeJS.Timeout;

  private constructor(
    private readonly folder: string,
    private readonly report: Report,
  ) {
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
   * Opens the journal in `folder` and hands every change in it to `reader`. A torn tail, which a crash leaves and which
   * was never acknowledged, is set aside in a file of its own and reported.
   *
   * @throws JournalDamagedError when intact frames follow a damaged one.
   */
  static open(folder: string, reader: FrameReader, report: Report): Journal {
    const journal = new Journal(folder, report);
    try {
      journal.size = readFrames(journal.descriptor, journal.file, reader);
      journal.sizeAfterCompaction = reader.liveBytes();
      journal.cutTail();
    } catch (error) {
      clearInterval(journal.timer);
      closeSync(journal.descriptor);
      throw error;
    }
    return journal;
  }

  private cutTail(): void {
    const bytes = fstatSync(this.descriptor).size - this.size;
    if (bytes === 0) return;
    const found = `${this.file} ends in ${bytes} bytes, from offset ${this.size} on, that are no whole change, as a write cut short leaves them`;
    const aside = unusedName(`${this.file}.cut-at-${this.size}`);
    try {
      copyTail(this.descriptor, this.size, aside);
      this.report(`${found}; they are in ${aside} now`);
    } catch (error) {
      // On a full disk the folder must open all the same: nothing in these bytes could be read.
      rmSync(aside, { force: true });
      this.report(`${found}; they are dropped, because they could not be written to ${aside}: ${messageOf(error)}`);
    }
    ftruncateSync(this.descriptor, this.size);
  }

  /** Adds a change to what {@link commit} will write. Throws BSONObjectTooLarge for a document over 16 MiB. */
  append(change: Change): void {
    this.waiting.push(...frameOf(change));
  }

  /**
   * Writes the appended changes; with `durable`, waits for the disk. To be called before acknowledging them.
   *
   * @throws JournalWriteError, with the file as it was before them.
   */
  commit(durable: boolean): void {
    if (this.waiting.length === 0 && !(durable && this.dirty)) return;
    const bytes = Buffer.concat(this.waiting);
    this.waiting = [];
    // After a failed write that could not be taken back, the file may end in half a frame: nothing can follow it.
    if (this.failure !== undefined) {
      throw new JournalWriteError(`${this.file} is no longer written to; restart the server`, { cause: this.failure });
    }
    try {
      writeFully(this.descriptor, bytes);
      if (bytes.length > 0) this.dirty = true;
      if (durable) {
        fsyncSync(this.descriptor);
        this.dirty = false;
      }
    } catch (error) {
      this.takeBack(error);
      throw new JournalWriteError(`${this.file} could not be written: ${messageOf(error)}`, { cause: error });
    }
    this.size += bytes.length;
  }

  private takeBack(error: unknown): void {
    try {
      ftruncateSync(this.descriptor, this.size);
    } catch {
      this.failure = error;
    }
  }

  /** Whether enough has been written since the last compaction for another to be worth its cost. */
  get wantsCompaction(): boolean {
    const since = Math.max(this.sizeAfterCompaction, this.compactionFailedAt);
    return this.size - since > Math.max(COMPACT_AFTER_BYTES, this.sizeAfterCompaction);
  }

  /**
   * Replaces the log by `snapshot`, atomically: a crash leaves either the old file or the new one. A failure is reported
   * and leaves the old one in use; it is tried again once as much has been written again.
   */
  compact(snapshot: Iterable<Snapshot>): void {
    let target: number | undefined;
    try {
      target = openSync(this.newFile, "ax+");
      writeSnapshot(target, snapshot);
      fsyncSync(target);
      renameSync(this.newFile, this.file);
    } catch (error) {
      this.compactionFailedAt = this.size;
      if (target !== undefined) closeSync(target);
      rmSync(this.newFile, { force: true });
      this.report(`${this.file} could not be compacted and stays as it is: ${messageOf(error)}`);
      return;
    }
    closeSync(this.descriptor);
    this.descriptor = target;
    this.size = fstatSync(target).size;
    this.sizeAfterCompaction = this.size;
    this.dirty = false;
    try {
      syncFolder(this.folder);
    } catch (error) {
      this.report(`${this.folder} could not be flushed to the disk: ${messageOf(error)}`);
    }
  }

  /** Flushes and closes the file; a failure to flush is reported. */
  close(): void {
    clearInterval(this.timer);
    try {
      this.commit(true);
    } catch (error) {
      this.report(messageOf(error));
    }
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
      if (error === null || descriptor !== this.descriptor) return;
      this.dirty = true;
      this.report(`${this.file} could not be flushed to the disk: ${error.message}`);
    });
  }
}

function writeSnapshot(target: number, snapshot: Iterable<Snapshot>): void {
  let frames: Uint8Array[] = [];
  let bytes = 0;
  const flush = (): void => {
    writeFully(target, Buffer.concat(frames));
    frames = [];
    bytes = 0;
  };
  for (const entry of snapshot) {
    const frame = entry.op === "encoded" ? frameOfEncoded(entry.ns, entry.document) : frameOf(entry);
    frames.push(...frame);
    bytes += frame.reduce((sum, part) => sum + part.length, 0);
    if (bytes > CHUNK) flush();
  }
  flush();
}

function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
}

function unusedName(base: string): string {
  let name = base;
  for (let i = 2; existsSync(name); i++) name = `${base}-${i}`;
  return name;
}

function copyTail(descriptor: number, from: number, to: string): void {
  const target = openSync(to, "wx");
  try {
    const chunk = Buffer.allocUnsafe(CHUNK);
    for (let at = from; ;) {
      const read = readSync(descriptor, chunk, 0, chunk.length, at);
      if (read === 0) break;
      writeFully(target, chunk.subarray(0, read));
      at += read;
    }
    fsyncSync(target);
  } finally {
    closeSync(target);
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
