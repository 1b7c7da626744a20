import type { IndexKey } from "./indexKeys";
import { compareValues } from "../bson/order";

/** An entry of an index: one key of one record. Dead entries stay in the sorted array until it is next rebuilt. */
export interface Entry<R> {
  readonly key: IndexKey;
  readonly record: R;
  dead: boolean;
}

/** Few enough new entries to be inserted one by one rather than merged. */
const INSERT_ONE_BY_ONE = 16;

/**
 * The entries of an index in order, for ranges and sorts. Built at the first query that needs it; afterwards new
 * entries are appended to a buffer, which is merged in at the next query, so that bulk writes stay cheap.
 */
export class SortedKeys<R> {
  private sorted: Entry<R>[] | undefined;
  private pending: Entry<R>[] = [];
  private deadCount = 0;

  constructor(
    private readonly directions: readonly (1 | -1)[],
    private readonly everything: () => Iterable<Entry<R>>,
  ) {}

  add(entry: Entry<R>): void {
    if (this.sorted) this.pending.push(entry);
  }

  /** Must be called after an entry was marked dead. */
  noteDead(): void {
    if (this.sorted) this.deadCount++;
  }

  /** Compares two keys, or the first fields of `a` with a shorter `b`. */
  compare(a: IndexKey, b: IndexKey): number {
    for (let i = 0; i < b.length; i++) {
      const order = compareValues(a[i], b[i]) * (this.directions[i] ?? 1);
      if (order !== 0) return order;
    }
    return 0;
  }

  /** Live entries from `first` up to and without `last` (positions as {@link find} gives them), or backwards. */
  *between(first: number, last: number, backwards: boolean): Generator<Entry<R>> {
    const entries = this.settle();
    for (let i = 0; i < last - first; i++) {
      const entry = entries[backwards ? last - 1 - i : first + i] as Entry<R>;
      if (!entry.dead) yield entry;
    }
  }

  /** The position of the first entry that is not `before`; `before` must hold for a prefix of the order. */
  find(before: (key: IndexKey) => boolean): number {
    const entries = this.settle();
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before((entries[middle] as Entry<R>).key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private settle(): Entry<R>[] {
    const byKey = (a: Entry<R>, b: Entry<R>): number => this.compare(a.key, b.key);
    if (!this.sorted) {
      this.sorted = [...this.everything()].sort(byKey);
      this.deadCount = 0;
    }
    if (this.deadCount > 64 && this.deadCount * 2 > this.sorted.length) {
      this.sorted = this.sorted.filter((entry) => !entry.dead);
      this.pending = this.pending.filter((entry) => !entry.dead);
      this.deadCount = 0;
    }
    if (this.pending.length > 0) {
      this.pending.sort(byKey);
      this.sorted = this.merge(this.sorted, this.pending);
      this.pending = [];
    }
    return this.sorted;
  }

  private merge(sorted: Entry<R>[], added: readonly Entry<R>[]): Entry<R>[] {
    const [first] = added;
    const last = sorted.at(-1);
    if (first && (!last || this.compare(last.key, first.key) <= 0)) {
      for (const entry of added) sorted.push(entry);
      return sorted;
    }
    if (added.length <= INSERT_ONE_BY_ONE) {
      for (const entry of added) sorted.splice(this.placeIn(sorted, entry.key), 0, entry);
      return sorted;
    }
    const merged: Entry<R>[] = [];
    let next = 0;
    for (const entry of sorted) {
      while (next < added.length && this.compare((added[next] as Entry<R>).key, entry.key) < 0)
        merged.push(added[next++] as Entry<R>);
      merged.push(entry);
    }
    while (next < added.length) merged.push(added[next++] as Entry<R>);
    return merged;
  }

  private placeIn(sorted: readonly Entry<R>[], key: IndexKey): number {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare((sorted[middle] as Entry<R>).key, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
