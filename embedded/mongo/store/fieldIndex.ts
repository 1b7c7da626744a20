import { MongoServerError } from "../errors";
import { type IndexKey, hashKey, indexKeysOf } from "./indexKeys";
import { type Matcher, compileMatch } from "../query/match";
import type { SortField } from "../query/sort";
import { type Entry, SortedKeys } from "./sortedKeys";
import { someValueAt } from "../query/paths";
import type { StoredRecord } from "./record";
import { type Doc, shown, toNumber } from "../bson/values";
import { keyOf } from "../bson/order";

/** An index as `createIndexes` describes it and `listIndexes` reports it. */
export interface IndexSpec {
  name: string;
  key: Doc;
  unique?: boolean;
  sparse?: boolean;
  partialFilterExpression?: Doc;
  expireAfterSeconds?: number;
}

/** The name of the index of _id, which every collection has. */
export const ID_INDEX = "_id_";

/** What a bucket holds: mostly one entry, so a map is only made for more. */
type Bucket = Entry<StoredRecord> | Map<StoredRecord, Entry<StoredRecord>>;

/**
 * One index of a collection: equality by hash, order by {@link SortedKeys}. Its entries are made when it is first asked,
 * so that an index nobody uses costs nothing. The index of _id finds records as the collection stores them.
 */
export class FieldIndex {
  readonly fields: readonly SortField[];
  readonly order: SortedKeys<StoredRecord>;
  private readonly paths: readonly (readonly string[])[];
  private readonly applies: Matcher | undefined;
  private readonly buckets = new Map<string, Bucket>();
  private multikeyRecords = 0;
  private hasEntries = false;

  /** @param records the collection's records by the key of their _id */
  constructor(
    readonly spec: IndexSpec,
    private readonly namespace: string,
    private readonly records: ReadonlyMap<string, StoredRecord>,
  ) {
    this.fields = Object.entries(spec.key).map(([path, direction]) => ({
      path,
      parts: path.split("."),
      direction: toNumber(direction) < 0 ? -1 : 1,
    }));
    this.paths = this.fields.map((field) => field.parts);
    this.applies = spec.partialFilterExpression && compileMatch(spec.partialFilterExpression);
    this.order = new SortedKeys(
      this.fields.map((field) => field.direction),
      () => this.entries(),
    );
  }

  /** Whether some document has several entries: then order says nothing about documents, and bounds do not combine. */
  get isMultikey(): boolean {
    if (this.isIdentity) return false;
    this.build();
    return this.multikeyRecords > 0;
  }

  /** Whether every document of the collection has an entry. */
  get isComplete(): boolean {
    return !this.spec.sparse && !this.spec.partialFilterExpression;
  }

  private get isIdentity(): boolean {
    return this.spec.name === ID_INDEX;
  }

  /** Whether its entries have been made; changes before that need not be entered. */
  get isBuilt(): boolean {
    return this.hasEntries;
  }

  /** Makes the entries of what is stored. Throws DuplicateKey (11000) with `assertsUnique`. */
  build(assertsUnique = false): void {
    if (this.hasEntries) return;
    this.hasEntries = true;
    try {
      for (const record of this.records.values()) {
        const keys = this.keysOf(record.document);
        if (assertsUnique) this.assertUnique(keys, record);
        this.add(record, keys);
      }
    } catch (error) {
      this.hasEntries = false;
      throw error;
    }
  }

  /** The keys of a document; none where the index is partial or sparse and leaves it out. */
  keysOf(document: Doc): readonly IndexKey[] {
    if (this.applies && !this.applies(document)) return [];
    if (
      this.spec.sparse &&
      !this.paths.some((path) => someValueAt(document, path, false, (value) => value !== undefined))
    ) {
      return [];
    }
    return indexKeysOf(document, this.paths);
  }

  /**
   * Refuses a document whose keys another record holds.
   *
   * @throws MongoServerError DuplicateKey (11000) with `keyPattern` and `keyValue`.
   */
  assertUnique(keys: readonly IndexKey[], self: StoredRecord | undefined): void {
    if (!this.spec.unique) return;
    if (this.isIdentity) {
      const [[id] = []] = keys;
      const holder = this.records.get(keyOf(id));
      if (holder !== undefined && holder !== self) throw this.duplicate([id]);
      return;
    }
    this.build();
    for (const key of keys) {
      const bucket = this.buckets.get(hashKey(key));
      if (!bucket) continue;
      const taken =
        bucket instanceof Map ? [...bucket.keys()].some((record) => record !== self) : bucket.record !== self;
      if (taken) throw this.duplicate(key);
    }
  }

  add(record: StoredRecord, keys: readonly IndexKey[]): void {
    if (!this.hasEntries) return;
    if (keys.length > 1) this.multikeyRecords++;
    for (const key of keys) {
      const entry: Entry<StoredRecord> = { key, record, dead: false };
      const hash = hashKey(key);
      const bucket = this.buckets.get(hash);
      if (!bucket) this.buckets.set(hash, entry);
      else if (bucket instanceof Map) bucket.set(record, entry);
      else this.buckets.set(hash, new Map([[bucket.record, bucket] as const, [record, entry] as const]));
      this.order.add(entry);
    }
  }

  remove(record: StoredRecord, keys: readonly IndexKey[]): void {
    if (!this.hasEntries) return;
    if (keys.length > 1) this.multikeyRecords--;
    for (const key of keys) {
      const hash = hashKey(key);
      const bucket = this.buckets.get(hash);
      if (!bucket) continue;
      const entry = bucket instanceof Map ? bucket.get(record) : bucket;
      if (entry?.record !== record) continue;
      if (bucket instanceof Map && bucket.size > 1) bucket.delete(record);
      else this.buckets.delete(hash);
      entry.dead = true;
      this.order.noteDead();
    }
  }

  /** The records with exactly this key. */
  *equalTo(key: IndexKey): Generator<StoredRecord> {
    if (this.isIdentity) {
      const record = this.records.get(keyOf(key[0]));
      if (record) yield record;
      return;
    }
    this.build();
    const bucket = this.buckets.get(hashKey(key));
    if (bucket instanceof Map) yield* bucket.keys();
    else if (bucket) yield bucket.record;
  }

  private *entries(): Generator<Entry<StoredRecord>> {
    this.build();
    for (const bucket of this.buckets.values()) {
      if (bucket instanceof Map) yield* bucket.values();
      else yield bucket;
    }
  }

  private duplicate(key: IndexKey): MongoServerError {
    const keyValue = Object.fromEntries(this.fields.map((field, i) => [field.path, key[i] ?? null]));
    const dupKey = this.fields.map((field, i) => `${field.path}: ${shown(key[i] ?? null)}`).join(", ");
    return new MongoServerError(
      11000,
      `E11000 duplicate key error collection: ${this.namespace} index: ${this.spec.name} dup key: { ${dupKey} }`,
      { keyPattern: this.spec.key, keyValue },
    );
  }
}
