import { assertDepth, assertSize } from "../bson/codec";
import { Cursors } from "./cursors";
import { Journal } from "./journal";
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
   * Opens the data in `folder`, or an empty store in memory.
   *
   * @throws FolderInUseError, JournalDamagedError.
   */
  constructor(folder: string | undefined) {
    this.store = new Store((change) => {
      if (change.op === "put") assertDepth(change.document);
      if (this.journal) this.journal.append(change);
      else if (change.op === "put") assertSize(change.document);
    });
    if (folder !== undefined) {
      this.unlock = lockFolder(folder);
      try {
        this.journal = Journal.open(folder, (change) => this.store.replay(change));
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
      this.store.sweepExpired(this.now());
      this.commit(false);
    }, seconds * 1000);
    this.sweeper.unref();
  }

  now(): Date {
    return new Date();
  }

  /** Makes what the last command changed survive this process; with `durable`, also a loss of power. */
  commit(durable: boolean): void {
    this.journal?.commit(durable);
    if (this.journal?.wantsCompaction) this.journal.compact(this.store.snapshot());
  }

  close(): void {
    clearInterval(this.sweeper);
    this.journal?.close();
    this.unlock?.();
  }
}
