/**
 * Lets reads run side by side and writes alone: a write waits for the reads under way, and whoever comes after a write
 * waits until it has finished. First come, first served, so neither side starves.
 */
export class ReadWriteLock {
  /** Settles when the last write let in has finished. */
  private lastWrite: Promise<unknown> = Promise.resolve();
  private writes = 0;
  private readonly reads = new Set<Promise<unknown>>();

  /** Whether a write runs or waits. */
  get isWriting(): boolean {
    return this.writes > 0;
  }

  /** Runs `work` when no earlier write is left. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    const running = this.isWriting ? this.lastWrite.then(work) : work();
    // Entered before it runs, so that a write that comes while it waits waits for it in turn.
    const settled = running.then(nothing, nothing);
    this.reads.add(settled);
    try {
      return await running;
    } finally {
      this.reads.delete(settled);
    }
  }

  /** Runs `work` alone. */
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
