import { assertNever } from "../../../core/errors";
import { type ChangeListener, Collection } from "./collection";
import { MongoServerError } from "../errors";
import type { FieldIndex, IndexSpec } from "./fieldIndex";
import type { Change, Snapshot } from "./change";
import type { FrameReader } from "./frames";
import type { EncodedDocument, StoredRecord } from "./record";
import { compareValues } from "../bson/order";

/** What a put adds to its document in the journal, about. */
const PUT_OVERHEAD_BYTES = 64;

/**
 * All databases of the server, in memory. `onChange` is called with every change as it is made. Changes are taken back
 * by {@link rollBack} until {@link settle} is called.
 */
export class Store {
  private readonly collections = new Map<string, Collection>();
  private readonly listener: ChangeListener;
  private readonly undo: (() => void)[] = [];
  private silent = false;

  /** @param mayRollBack whether changes can be taken back, which costs a little */
  constructor(
    private readonly onChange: (change: Change) => void,
    private readonly mayRollBack: boolean,
  ) {
    this.listener = {
      put: (ns, document) => this.record({ op: "put", ns, document }),
      removed: (ns, id) => this.record({ op: "remove", ns, id }),
    };
  }

  private record(change: Change): void {
    if (this.silent) return;
    const undo = this.mayRollBack ? this.inverseOf(change) : undefined;
    this.onChange(change);
    if (undo) this.undo.push(undo);
  }

  /** What takes a change back; to be called before the change is made. */
  private inverseOf(change: Change): () => void {
    const collection = this.collections.get(change.ns);
    switch (change.op) {
      case "put": {
        const { _id: id } = change.document;
        const before = collection?.byId(id)?.document;
        return () => {
          const record = collection?.byId(id);
          if (!collection || !record) return;
          if (before) collection.replace(record, before);
          else collection.remove(record);
        };
      }
      case "remove": {
        const before = collection?.byId(change.id)?.document;
        return () => {
          if (collection && before) collection.insert(before);
        };
      }
      case "create":
        return () => {
          this.collections.delete(change.ns);
        };
      case "drop":
        return () => {
          if (collection) this.collections.set(change.ns, collection);
        };
      case "rename":
        return () => {
          this.collections.delete(change.to);
          if (collection) this.collections.set(change.ns, collection);
        };
      case "index":
        return () => void collection?.indexes.delete(change.spec.name);
      case "dropIndex": {
        const spec = collection?.indexes.get(change.name)?.spec;
        return () => {
          if (collection && spec) collection.restoreIndex(spec);
        };
      }
      default:
        return assertNever(change);
    }
  }

  /** Makes the changes so far final. */
  settle(): void {
    this.undo.length = 0;
  }

  /** Takes back the changes since {@link settle} was last called. */
  rollBack(): void {
    this.silently(() => {
      for (let undo = this.undo.pop(); undo; undo = this.undo.pop()) undo();
    });
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
    if (!this.collections.has(namespace)) return;
    this.record({ op: "drop", ns: namespace });
    this.collections.delete(namespace);
  }

  /** Moves a collection, documents and indexes. The target must not exist. */
  rename(namespace: string, to: string): void {
    const source = this.collections.get(namespace);
    if (!source) return;
    assertNamespace(to);
    this.record({ op: "rename", ns: namespace, to });
    this.collections.delete(namespace);
    this.collections.set(to, source.renamed(to));
  }

  addIndex(namespace: string, spec: IndexSpec): void {
    this.collection(namespace).addIndex(spec);
    this.record({ op: "index", ns: namespace, spec });
  }

  dropIndex(namespace: string, name: string): void {
    const collection = this.find(namespace);
    if (!collection?.indexes.has(name)) return;
    this.record({ op: "dropIndex", ns: namespace, name });
    collection.indexes.delete(name);
  }

  /** The collections of one database, or of all, by namespace in alphabetical order. */
  list(database?: string): Collection[] {
    const all = [...this.collections.values()].filter(
      ({ namespace }) => database === undefined || namespace.startsWith(`${database}.`),
    );
    return all.sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
  }

  /** Takes what a journal holds. */
  reader(): FrameReader {
    let last: Collection | undefined;
    return {
      put: (ns, document: EncodedDocument) => {
        if (last?.namespace !== ns) last = this.collections.get(ns) ?? this.createSilently(ns);
        last.restore(document);
      },
      change: (change) => {
        last = undefined;
        this.silently(() => this.apply(change));
      },
      liveBytes: () => this.encodedBytes(),
    };
  }

  private createSilently(namespace: string): Collection {
    const collection = new Collection(namespace, this.listener);
    this.collections.set(namespace, collection);
    return collection;
  }

  private encodedBytes(): number {
    let sum = 0;
    for (const collection of this.collections.values()) {
      for (const record of collection.all()) sum += record.encodedLength + PUT_OVERHEAD_BYTES;
    }
    return sum;
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
        this.collection(change.ns).restoreIndex(change.spec);
        break;
      case "dropIndex":
        this.dropIndex(change.ns, change.name);
        break;
      default:
        assertNever(change);
    }
  }

  /** The changes that lead from nothing to the present state: what a compacted journal holds. */
  *snapshot(): Generator<Snapshot> {
    for (const collection of this.collections.values()) {
      const { namespace: ns } = collection;
      yield { op: "create", ns };
      for (const { spec } of [...collection.indexes.values()].slice(1)) yield { op: "index", ns, spec };
      for (const record of collection.all()) {
        const { bytes } = record;
        yield bytes ? { op: "encoded", ns, document: bytes } : { op: "put", ns, document: record.document };
      }
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
