import { encode } from "../bson/codec";
import type { Collection } from "../store/collection";
import type { Engine } from "../store/engine";
import { MongoServerError, badValue, unknownField } from "../errors";
import { compileMatch } from "../query/match";
import { type Doc, isTruthy } from "../bson/values";
import { docField, namespaceOf } from "./arguments";

export function create(engine: Engine, database: string, command: Doc): Doc {
  const namespace = namespaceOf(database, command.create);
  if (isTruthy(command.capped)) throw unknownField("create.capped");
  if (engine.store.find(namespace)) throw new MongoServerError(48, `Collection ${namespace} already exists.`);
  engine.store.create(namespace);
  return {};
}

export function drop(engine: Engine, database: string, command: Doc): Doc {
  const namespace = namespaceOf(database, command.drop);
  const collection = engine.store.find(namespace);
  if (!collection) return {};
  engine.store.drop(namespace);
  return { nIndexesWas: collection.indexes.size, ns: namespace };
}

export function dropDatabase(engine: Engine, database: string): Doc {
  const collections = engine.store.list(database);
  for (const { namespace } of collections) engine.store.drop(namespace);
  return collections.length > 0 ? { dropped: database } : {};
}

export function renameCollection(engine: Engine, _database: string, command: Doc): Doc {
  const { renameCollection: from, to, dropTarget = false } = command;
  if (typeof from !== "string" || typeof to !== "string") throw badValue("renameCollection takes two namespaces");
  if (!engine.store.find(from)) throw new MongoServerError(26, `Source collection ${from} does not exist`);
  if (from === to) throw new MongoServerError(20, "Can't rename a collection to itself");
  if (engine.store.find(to)) {
    if (dropTarget !== true) throw new MongoServerError(48, "target namespace exists");
    engine.store.drop(to);
  }
  engine.store.rename(from, to);
  return {};
}

export function listCollections(engine: Engine, database: string, command: Doc): Uint8Array {
  const matches = compileMatch(docField(command, "filter"));
  const nameOnly = command.nameOnly === true;
  const documents = engine.store.list(database).map(({ namespace }): Doc => {
    const name = namespace.slice(database.length + 1);
    if (nameOnly) return { name, type: "collection" };
    return {
      name,
      type: "collection",
      options: {},
      info: { readOnly: false },
      idIndex: { v: 2, key: { _id: 1 }, name: "_id_" },
    };
  });
  return engine.cursors.first({
    namespace: `${database}.$cmd.listCollections`,
    documents: documents.filter((found) => matches(found)),
  });
}

export function listDatabases(engine: Engine, _database: string, command: Doc): Doc {
  const matches = compileMatch(docField(command, "filter"));
  const names = new Set(engine.store.list().map(({ namespace }) => namespace.slice(0, namespace.indexOf("."))));
  const databases = [...names].map((name): Doc => {
    if (command.nameOnly === true) return { name };
    return { name, sizeOnDisk: bytesOf(engine.store.list(name)), empty: false };
  });
  const shown = databases.filter((found) => matches(found));
  const totalSize = shown.reduce((sum, { sizeOnDisk = 0 }) => sum + Number(sizeOnDisk), 0);
  return {
    databases: shown,
    ...(command.nameOnly !== true && { totalSize, totalSizeMb: Math.round(totalSize / 2 ** 20) }),
  };
}

function bytesOf(collections: readonly Collection[]): number {
  let bytes = 0;
  for (const collection of collections) for (const { document } of collection.all()) bytes += encode(document).length;
  return bytes;
}

export function collStats(engine: Engine, database: string, command: Doc): Doc {
  const ns = namespaceOf(database, command.collStats ?? command.collstats);
  const collection = engine.store.find(ns);
  const [count, size] = [collection?.size ?? 0, collection ? bytesOf([collection]) : 0];
  return {
    ns,
    size,
    count,
    ...(count > 0 && { avgObjSize: Math.round(size / count) }),
    storageSize: size,
    capped: false,
    nindexes: collection?.indexes.size ?? 0,
    indexSizes: Object.fromEntries([...(collection?.indexes.keys() ?? [])].map((name) => [name, 0])),
    totalIndexSize: 0,
    totalSize: size,
    scaleFactor: 1,
  };
}

export function dbStats(engine: Engine, database: string): Doc {
  const collections = engine.store.list(database);
  const dataSize = bytesOf(collections);
  const sum = (of: (collection: Collection) => number): number =>
    collections.reduce((total, each) => total + of(each), 0);
  return {
    db: database,
    collections: collections.length,
    views: 0,
    objects: sum(({ size }) => size),
    dataSize,
    storageSize: dataSize,
    indexes: sum(({ indexes }) => indexes.size),
    indexSize: 0,
    totalSize: dataSize,
    scaleFactor: 1,
  };
}
