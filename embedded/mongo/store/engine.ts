import { assertDepth, assertSize } from "../bson/codec";
import { Cursors } from "./cursors";
import { messageOf } from "../../../core/errors";
import { MongoServerError } from "../errors";
import { Journal, JournalWriteError } from "./journal";
import { lockFolder } from "./lock";
import { Store } from "./store";

const TTL_SWEEP_SECONDS = 60;

/** The database behind the commands: the store, its journal if it has a folder, the open cursors, the TTL sweeper. */
export class Engine {
  readonly store: Store;
  readonly cursors = new Cursors();
  readonly startedAt = new Date();
  private readonly journal: Journal | undefined;
  private readonly unlock: (() => void) | undefined;
  private sweeper: NodeJS.Timeout | undefined;
  private ttlSeconds = TTL_SWEEP_SECONDS;

  /**
   * Opens the data in `folder`, or an empty store in memory. `report` receives a line for whatever concerns the folder
   * and fails no command.
   *
   * @throws FolderInUseError, JournalDamagedError.
   */
  constructor(
    folder: string | undefined,
    private readonly report: (line: string) => void,
  ) {
    this.store = new Store((change) => {
      if (change.op === "put") assertDepth(change.document);
      if (this.journal) this.journal.append(change);
      else if (change.op === "put") assertSize(change.document);
    }, folder !== undefined);
    if (folder !== undefined) {
      this.unlock = lockFolder(folder);
      try {
        this.journal = Journal.open(folder, this.store.reader(), report);
      } catch (error) {
        this.unlock();
        throw error;
      }
    }
    this.ttlSweepSeconds = TTL_SWEEP_SECONDS;
  }

  get isPersistent(): boolean {
    return this.journal !== undefined;
  }

  /** How often expired documents are removed (mongod's `ttlMonitorSleepSecs`). */
  get ttlSweepSeconds(): number {
    return this.ttlSeconds;
  }

  set ttlSweepSeconds(seconds: number) {
    this.ttlSeconds = seconds;
    clearInterval(this.sweeper);
    this.sweeper = setInterval(() => {
      try {
        this.store.sweepExpired(this.now());
        this.commit(false);
      } catch (error) {
        this.report(`expired documents stay until the next attempt: ${messageOf(error)}`);
      }
    }, seconds * 1000);
    this.sweeper.unref();
  }

  now(): Date {
    return new Date();
  }

  /**
   * Makes what the last command changed survive this process; with `durable`, also a loss of power.
   *
   * @throws MongoServerError OutOfDiskSpace (14031), or InternalError (1) for another failure to write; the changes are
   * taken back then.
   */
  commit(durable: boolean): void {
    if (!this.journal) return;
    try {
      this.journal.commit(durable);
    } catch (error) {
      this.store.rollBack();
      if (!(error instanceof JournalWriteError)) throw error;
      this.report(error.message);
      throw new MongoServerError(error.isDiskFull ? 14031 : 1, `nothing was changed: ${error.message}`);
    }
    this.store.settle();
    if (this.journal.wantsCompaction) this.journal.compact(this.store.snapshot());
  }

  close(): void {
    clearInterval(this.sweeper);
    this.journal?.close();
    this.unlock?.();
  }
}
