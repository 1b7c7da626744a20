import { MongoServerError } from "../errors";
import { FieldIndex, ID_INDEX, type IndexSpec } from "./fieldIndex";
import { type IndexKey } from "./indexKeys";
import { type EncodedDocument, StoredRecord, idKeyOf } from "./record";
import { type Doc, bsonType } from "../bson/values";
import { identical, keyOf } from "../bson/order";

/** What a collection reports after each change, in order. */
export interface ChangeListener {
  put(namespace: string, document: Doc): void;
  removed(namespace: string, id: unknown): void;
}

/**
 * The documents of one collection with their indexes. Everything is synchronous: a change is either refused, with
 * nothing altered, or made in full.
 */
export class Collection {
  readonly indexes = new Map<string, FieldIndex>();

  constructor(
    readonly namespace: string,
    private readonly listener: ChangeListener,
    private readonly records = new Map<string, StoredRecord>(),
  ) {
    this.restoreIndex({ name: ID_INDEX, key: { _id: 1 }, unique: true });
  }

  /** The same documents and indexes under another name. */
  renamed(namespace: string): Collection {
    const target = new Collection(namespace, this.listener, this.records);
    for (const { spec } of this.indexes.values()) target.restoreIndex(spec);
    return target;
  }

  /** Takes a document from the journal, which held the same rules when it was written, in place of one of its _id. */
  restore(encoded: EncodedDocument): void {
    this.records.set(idKeyOf(encoded), StoredRecord.ofEncoded(encoded));
  }

  /** Takes an index from the journal, or one that was dropped, without asking whether what is stored fits it. */
  restoreIndex(spec: IndexSpec): void {
    this.indexes.set(spec.name, new FieldIndex(spec, this.namespace, this.records));
  }

  get size(): number {
    return this.records.size;
  }

  /** All records in the order they were inserted. */
  all(): IterableIterator<StoredRecord> {
    return this.records.values();
  }

  byId(id: unknown): StoredRecord | undefined {
    return this.records.get(keyOf(id));
  }

  /**
   * Adds a document, which has its _id in first place.
   *
   * @throws MongoServerError DuplicateKey (11000), InvalidIdField (53), CannotIndexParallelArrays (171).
   */
  insert(document: Doc): StoredRecord {
    assertId(document._id);
    const record = StoredRecord.of(document);
    const keys = this.checkedKeys(document, undefined);
    this.listener.put(this.namespace, document);
    this.records.set(keyOf(document._id), record);
    for (const [index, found] of keys) index.add(record, found);
    return record;
  }

  /** Replaces a record's document by one of the same _id. Returns whether anything differs. Throws as insert does. */
  replace(record: StoredRecord, document: Doc): boolean {
    if (identical(record.document, document)) return false;
    const keys = this.checkedKeys(document, record);
    this.listener.put(this.namespace, document);
    for (const [index, found] of keys) {
      if (!index.isBuilt) continue;
      const before = index.keysOf(record.document);
      if (identical(before, found)) continue;
      index.remove(record, before);
      index.add(record, found);
    }
    record.document = document;
    return true;
  }

  remove(record: StoredRecord): void {
    const { _id: id } = record.document;
    this.listener.removed(this.namespace, id);
    for (const index of this.indexes.values()) index.remove(record, index.keysOf(record.document));
    this.records.delete(keyOf(id));
  }

  /** Builds an index over what is stored. Throws DuplicateKey (11000) where a unique one does not hold. */
  addIndex(spec: IndexSpec): void {
    const index = new FieldIndex(spec, this.namespace, this.records);
    index.build(true);
    this.indexes.set(spec.name, index);
  }

  private checkedKeys(document: Doc, self: StoredRecord | undefined): [FieldIndex, readonly IndexKey[]][] {
    return [...this.indexes.values()].map((index) => {
      const keys = index.keysOf(document);
      index.assertUnique(keys, self);
      return [index, keys];
    });
  }
}

function assertId(id: unknown): void {
  if (Array.isArray(id)) throw new MongoServerError(53, "The '_id' value cannot be of type array");
  if (bsonType(id) === "BSONRegExp") throw new MongoServerError(53, "The '_id' value cannot be of type regex");
}
