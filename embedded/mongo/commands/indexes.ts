import type { Collection } from "../store/collection";
import type { Engine } from "../store/engine";
import { MongoServerError, notImplemented, typeMismatch } from "../errors";
import type { IndexSpec } from "../store/fieldIndex";
import { compileMatch } from "../query/match";
import { type Doc, isDoc, isNumeric, toNumber, typeName } from "../bson/values";
import { identical } from "../bson/order";
import { docField, docsField, namespaceOf } from "./arguments";

const cannotCreate = (message: string): MongoServerError => new MongoServerError(67, message);

/** Options that change nothing here: how and where mongod builds an index, and its on-disk version. */
const IGNORED = ["v", "ns", "background", "storageEngine"];
const KNOWN = [
  "key",
  "name",
  "unique",
  "sparse",
  "partialFilterExpression",
  "expireAfterSeconds",
  "collation",
  ...IGNORED,
];

export function createIndexes(engine: Engine, database: string, command: Doc): Doc {
  const namespace = namespaceOf(database, command.createIndexes);
  const requested = docsField(command, "indexes").map(parseSpec);
  if (requested.length === 0) throw new MongoServerError(2, "Must specify at least one index to create");
  const created = !engine.store.find(namespace);
  const collection = engine.store.collection(namespace);
  const before = collection.indexes.size;
  const added: string[] = [];
  try {
    for (const spec of requested) {
      if (alreadyThere(collection, spec)) continue;
      engine.store.addIndex(namespace, spec);
      added.push(spec.name);
    }
  } catch (error) {
    // All or nothing, as one createIndexes is.
    for (const name of added) engine.store.dropIndex(namespace, name);
    throw error;
  }
  return {
    numIndexesBefore: before,
    numIndexesAfter: collection.indexes.size,
    createdCollectionAutomatically: created,
    ...(added.length === 0 && { note: "all indexes already exist" }),
  };
}

function parseSpec(request: Doc): IndexSpec {
  const { key, name, unique, sparse, partialFilterExpression: partial, expireAfterSeconds: seconds } = request;
  for (const option of Object.keys(request)) {
    if (!KNOWN.includes(option))
      throw notImplemented(197, `The field '${option}' is not valid for an index specification`);
  }
  if (!isDoc(key)) throw typeMismatch("The field 'key' must be an object");
  if (typeof name !== "string" || name === "")
    throw new MongoServerError(9, "The 'name' field is a required property of an index specification");
  assertKey(key);
  if (partial !== undefined) {
    if (!isDoc(partial)) throw typeMismatch("The field 'partialFilterExpression' must be an object");
    if (sparse === true) throw cannotCreate('cannot mix "partialFilterExpression" and "sparse" options');
    compileMatch(partial);
    assertPartialFilter(partial);
  }
  if (seconds !== undefined) assertTtl(key, seconds);
  return {
    name,
    key,
    ...(unique === true && { unique }),
    ...(sparse === true && { sparse }),
    ...(isDoc(partial) && { partialFilterExpression: partial }),
    ...(seconds !== undefined && { expireAfterSeconds: toNumber(seconds) }),
  };
}

function assertKey(key: Doc): void {
  const entries = Object.entries(key);
  if (entries.length === 0) throw cannotCreate("Index keys cannot be empty.");
  for (const [path, direction] of entries) {
    if (typeof direction === "string") throw notImplemented(67, `Unknown index plugin '${direction}'`);
    if (path.includes("$**")) throw notImplemented(67, `Index key contains an illegal field name: ${path}`);
    if (!isNumeric(direction) || toNumber(direction) === 0 || Number.isNaN(toNumber(direction))) {
      throw cannotCreate(
        `Values in v:2 index key pattern cannot be of type ${typeName(direction)} or 0. Only numbers > 0, numbers < 0, and strings are allowed.`,
      );
    }
    if (path.split(".").includes("")) throw cannotCreate("Index keys cannot contain an empty field.");
    if (path.startsWith("$"))
      throw cannotCreate("Index key contains an illegal field name: field name starts with '$'.");
  }
}

const PARTIAL_OPERATORS = new Set(["$eq", "$gt", "$gte", "$lt", "$lte", "$exists", "$type", "$in"]);

function assertPartialFilter(filter: Doc): void {
  for (const [field, condition] of Object.entries(filter)) {
    if ((field === "$and" || field === "$or") && Array.isArray(condition)) {
      for (const branch of condition) assertPartialFilter(branch as Doc);
    } else if (field.startsWith("$")) throw cannotCreate(`Expression not supported in partial index: ${field}`);
    else if (isDoc(condition)) {
      for (const [operator, operand] of Object.entries(condition)) {
        const allowed = !operator.startsWith("$") || PARTIAL_OPERATORS.has(operator);
        if (!allowed || (operator === "$exists" && operand === false)) {
          throw cannotCreate(`Expression not supported in partial index: ${operator}`);
        }
      }
    }
  }
}

function assertTtl(key: Doc, seconds: unknown): void {
  if (!isNumeric(seconds))
    throw typeMismatch(
      `TTL index 'expireAfterSeconds' option must be numeric, but received a type of '${typeName(seconds)}'`,
    );
  if (Object.keys(key).length > 1)
    throw cannotCreate("TTL indexes are single-field indexes, compound indexes do not support TTL");
  if ("_id" in key)
    throw new MongoServerError(197, "The field 'expireAfterSeconds' is not valid for an _id index specification");
  if (!(toNumber(seconds) >= 0 && toNumber(seconds) <= 0x7fffffff)) {
    throw cannotCreate(
      "TTL index 'expireAfterSeconds' option must be within an acceptable range, try a value between 0 and 2147483647",
    );
  }
}

/** Whether two indexes could not exist side by side: the same entries by the same rule. */
function sameSignature(a: IndexSpec, b: IndexSpec): boolean {
  return (
    identical(a.key, b.key) &&
    identical(a.partialFilterExpression, b.partialFilterExpression) &&
    Boolean(a.unique) === Boolean(b.unique) &&
    Boolean(a.sparse) === Boolean(b.sparse)
  );
}

function alreadyThere(collection: Collection, spec: IndexSpec): boolean {
  if (identical(Object.keys(spec.key), ["_id"])) return true;
  const shown = `Requested index: ${JSON.stringify(spec)}`;
  const sameName = collection.indexes.get(spec.name)?.spec;
  if (sameName) {
    if (!sameSignature(sameName, spec)) {
      throw new MongoServerError(
        86,
        `An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Please refer to our documentation. ${shown}, existing index: ${JSON.stringify(sameName)}`,
      );
    }
    if (sameName.expireAfterSeconds === spec.expireAfterSeconds) return true;
    throw new MongoServerError(
      85,
      `An equivalent index already exists with the same name but different options. ${shown}, existing index: ${JSON.stringify(sameName)}`,
    );
  }
  const sameKey = [...collection.indexes.values()].find((index) => sameSignature(index.spec, spec))?.spec;
  if (sameKey) throw new MongoServerError(85, `Index already exists with a different name: ${sameKey.name}`);
  return false;
}

/** An index as `listIndexes` shows it. */
const described = ({ spec }: { spec: IndexSpec }): Doc => {
  const { name, key, unique, ...rest } = spec;
  // mongod does not mention that the _id index is unique.
  return { v: 2, key, name, ...(unique && name !== "_id_" && { unique }), ...rest };
};

export function listIndexes(engine: Engine, database: string, command: Doc): Uint8Array {
  const namespace = namespaceOf(database, command.listIndexes);
  const collection = engine.store.find(namespace);
  if (!collection) throw new MongoServerError(26, `ns does not exist: ${namespace}`);
  return engine.cursors.first({ namespace, documents: [...collection.indexes.values()].map(described) });
}

export function dropIndexes(engine: Engine, database: string, command: Doc): Doc {
  const namespace = namespaceOf(database, command.dropIndexes ?? command.deleteIndexes);
  const collection = engine.store.find(namespace);
  if (!collection) throw new MongoServerError(26, `ns not found ${namespace}`);
  const nIndexesWas = collection.indexes.size;
  const { index } = command;
  const names = index === "*" ? [...collection.indexes.keys()].slice(1) : namesOf(collection, index);
  for (const name of names) engine.store.dropIndex(namespace, name);
  return { nIndexesWas, ...(index === "*" && { msg: "non-_id indexes dropped for collection" }) };
}

function namesOf(collection: Collection, wanted: unknown): string[] {
  if (Array.isArray(wanted)) return wanted.flatMap((name) => namesOf(collection, name));
  const found = [...collection.indexes.values()].find(
    ({ spec }) => spec.name === wanted || identical(spec.key, wanted),
  );
  if (!found) {
    throw new MongoServerError(
      27,
      typeof wanted === "string"
        ? `index not found with name [${wanted}]`
        : `can't find index with key: ${JSON.stringify(wanted)}`,
    );
  }
  if (found.spec.name === "_id_") throw new MongoServerError(72, "cannot drop _id index");
  return [found.spec.name];
}

/** `collMod`, as far as it changes when a TTL index lets documents expire. */
export function collMod(engine: Engine, database: string, command: Doc): Doc {
  const namespace = namespaceOf(database, command.collMod);
  const collection = engine.store.find(namespace);
  if (!collection) throw new MongoServerError(26, `ns does not exist: ${namespace}`);
  const { name, keyPattern, expireAfterSeconds } = docField(command, "index");
  if (expireAfterSeconds === undefined) throw notImplemented(72, "no expireAfterSeconds field");
  const [target] = namesOf(collection, name ?? keyPattern);
  const { spec } = collection.indexes.get(target as string) as { spec: IndexSpec };
  assertTtl(spec.key, expireAfterSeconds);
  engine.store.dropIndex(namespace, spec.name);
  engine.store.addIndex(namespace, { ...spec, expireAfterSeconds: toNumber(expireAfterSeconds) });
  return { expireAfterSeconds_old: spec.expireAfterSeconds, expireAfterSeconds_new: toNumber(expireAfterSeconds) };
}
