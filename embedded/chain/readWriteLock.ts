/**
 * Lets reads run side by side and writes alone: a write waits for the running reads, and what comes after a write waits
 * until it has finished. First come, first served, so neither side starves.
 */
export class ReadWriteLock {
  /** Settles when the last write has finished. */
  private lastWrite: Promise<unknown> = Promise.resolve();
  private writes = 0;
  private readonly reads = new Set<Promise<unknown>>();

  /** Whether a write runs or waits. */
  get isWriting(): boolean {
    return this.writes > 0;
  }

  /** Runs `work` after all earlier writes. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    const running = this.isWriting ? this.lastWrite.then(work) : work();
    // Added before it runs: a write that comes while it waits must wait for it as well.
    const settled = running.then(nothing, nothing);
    this.reads.add(settled);
    try {
      return await running;
    } finally {
      this.reads.delete(settled);
    }
  }

  /** Runs `work` alone, after everything that came before it. */
  async write<T>(work: () => Promise<T>): Promise<T> {
    this.writes++;
    const earlier = Promise.all([this.lastWrite, ...this.reads]);
    const running = earlier.then(work);
    this.lastWrite = running.then(nothing, nothing);
    try {
      return await running;
    } finally {
      this.writes--;
    }
  }
}

const nothing = () => undefined;
