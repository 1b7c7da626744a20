import { assertNever } from "../../../core/errors";
import { type ChangeListener, Collection } from "./collection";
import { MongoServerError } from "../errors";
import type { FieldIndex, IndexSpec, StoredRecord } from "./fieldIndex";
import { type Doc } from "../bson/values";
import { compareValues } from "../bson/order";

/** One change as the journal stores it; replayed in order they give the same store again. */
export type Change =
  | { op: "put"; ns: string; document: Doc }
  | { op: "remove"; ns: string; id: unknown }
  | { op: "create"; ns: string }
  | { op: "drop"; ns: string }
  | { op: "rename"; ns: string; to: string }
  | { op: "index"; ns: string; spec: IndexSpec }
  | { op: "dropIndex"; ns: string; name: string };

/** All databases of the server, in memory. `record` is called with every change as it is made. */
export class Store {
  private readonly collections = new Map<string, Collection>();
  private readonly listener: ChangeListener;

  private silent = false;

  constructor(private readonly onChange: (change: Change) => void) {
    this.listener = {
      put: (ns, document) => this.record({ op: "put", ns, document }),
      removed: (ns, id) => this.record({ op: "remove", ns, id }),
    };
  }

  private record(change: Change): void {
    if (!this.silent) this.onChange(change);
  }

  private silently(act: () => void): void {
    const before = this.silent;
    this.silent = true;
    try {
      act();
    } finally {
      this.silent = before;
    }
  }

  /** The collection of a namespace (`<database>.<collection>`), if it exists. */
  find(namespace: string): Collection | undefined {
    return this.collections.get(namespace);
  }

  /** The collection of a namespace, created on first use. */
  collection(namespace: string): Collection {
    return this.collections.get(namespace) ?? this.create(namespace);
  }

  create(namespace: string): Collection {
    assertNamespace(namespace);
    const collection = new Collection(namespace, this.listener);
    this.record({ op: "create", ns: namespace });
    this.collections.set(namespace, collection);
    return collection;
  }

  drop(namespace: string): void {
    if (this.collections.delete(namespace)) this.record({ op: "drop", ns: namespace });
  }

  /** Moves a collection, documents and indexes. The target must not exist. */
  rename(namespace: string, to: string): void {
    const source = this.collections.get(namespace);
    if (!source) return;
    assertNamespace(to);
    this.record({ op: "rename", ns: namespace, to });
    this.silently(() => {
      this.collections.delete(namespace);
      const target = this.create(to);
      for (const { spec } of [...source.indexes.values()].slice(1)) target.addIndex(spec);
      for (const { document } of source.all()) target.insert(document);
    });
  }

  addIndex(namespace: string, spec: IndexSpec): void {
    this.collection(namespace).addIndex(spec);
    this.record({ op: "index", ns: namespace, spec });
  }

  dropIndex(namespace: string, name: string): void {
    if (this.find(namespace)?.indexes.delete(name)) this.record({ op: "dropIndex", ns: namespace, name });
  }

  /** The collections of one database, or of all, by namespace in alphabetical order. */
  list(database?: string): Collection[] {
    const all = [...this.collections.values()].filter(
      ({ namespace }) => database === undefined || namespace.startsWith(`${database}.`),
    );
    return all.sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
  }

  /** Applies a change read from the journal. */
  replay(change: Change): void {
    this.silently(() => this.apply(change));
  }

  private apply(change: Change): void {
    switch (change.op) {
      case "create":
        this.create(change.ns);
        break;
      case "put": {
        const collection = this.collection(change.ns);
        const record = collection.byId(change.document._id);
        if (record) collection.replace(record, change.document);
        else collection.insert(change.document);
        break;
      }
      case "remove": {
        const collection = this.collection(change.ns);
        const record = collection.byId(change.id);
        if (record) collection.remove(record);
        break;
      }
      case "drop":
        this.drop(change.ns);
        break;
      case "rename":
        this.rename(change.ns, change.to);
        break;
      case "index":
        this.addIndex(change.ns, change.spec);
        break;
      case "dropIndex":
        this.dropIndex(change.ns, change.name);
        break;
      default:
        assertNever(change);
    }
  }

  /** The changes that lead from nothing to the present state: what a compacted journal holds. */
  *snapshot(): Generator<Change> {
    for (const collection of this.collections.values()) {
      const { namespace: ns } = collection;
      yield { op: "create", ns };
      for (const { spec } of [...collection.indexes.values()].slice(1)) yield { op: "index", ns, spec };
      for (const { document } of collection.all()) yield { op: "put", ns, document };
    }
  }

  /** Removes what TTL indexes have let expire. Returns how many documents went. */
  sweepExpired(now: Date): number {
    let removed = 0;
    for (const collection of this.collections.values()) {
      for (const index of collection.indexes.values()) {
        const { expireAfterSeconds: seconds } = index.spec;
        if (seconds === undefined) continue;
        for (const record of expired(index, new Date(now.getTime() - seconds * 1000))) {
          collection.remove(record);
          removed++;
        }
      }
    }
    return removed;
  }
}

const EARLIEST = new Date(-8_640_000_000_000_000);

/** Records whose indexed date (or one of several) is not after `limit`. Values that are no dates never expire. */
function expired(index: FieldIndex, limit: Date): StoredRecord[] {
  const { order, fields } = index;
  const [first, last] =
    fields[0]?.direction === 1
      ? [
          order.find(([value]) => compareValues(value, EARLIEST) < 0),
          order.find(([value]) => compareValues(value, limit) <= 0),
        ]
      : [
          order.find(([value]) => compareValues(value, limit) > 0),
          order.find(([value]) => compareValues(value, EARLIEST) >= 0),
        ];
  return [...new Set([...order.between(first, last, false)].map(({ record }) => record))];
}

function assertNamespace(namespace: string): void {
  const dot = namespace.indexOf(".");
  const [database, collection] = [namespace.slice(0, dot), namespace.slice(dot + 1)];
  if (dot <= 0 || database.length > 63 || /[/\\. "$\0]/.test(database)) {
    throw new MongoServerError(73, `Invalid database name: '${database}'`);
  }
  if (collection === "" || collection.startsWith(".") || collection.endsWith(".") || /[$\0]/.test(collection)) {
    throw new MongoServerError(73, `Invalid collection name: '${collection}'`);
  }
  if (Buffer.byteLength(namespace) > 255)
    throw new MongoServerError(73, `Fully qualified namespace is too long: ${namespace}`);
}
