import type { Collection } from "../store/collection";
import type { Engine } from "../store/engine";
import { MongoServerError, badValue, notSupported } from "../errors";
import { runUpdatePipeline } from "../aggregation/pipeline";
import { selectRecords } from "../query/select";
import { readPath } from "../update/updatePaths";
import { type Doc, isDoc } from "../bson/values";
import { newDocument } from "./upsert";

/** Carries out `$out` and `$merge`. */
export function writeStage(
  engine: Engine,
  database: string,
  stage: "$out" | "$merge",
  argument: unknown,
  documents: readonly Doc[],
): void {
  const into = stage === "$merge" && isDoc(argument) && "into" in argument ? argument.into : argument;
  const target = namespaceOf(database, into);
  if (stage === "$out") {
    out(engine, target, documents);
    return;
  }
  merge(engine, target, isDoc(argument) ? argument : {}, documents);
}

function namespaceOf(database: string, into: unknown): string {
  if (typeof into === "string") return `${database}.${into}`;
  if (isDoc(into) && typeof into.coll === "string")
    return `${typeof into.db === "string" ? into.db : database}.${into.coll}`;
  throw badValue("the target of $out or $merge must be a collection's name, or { db, coll }");
}

/** Replaces the target's documents and keeps its indexes. */
function out(engine: Engine, target: string, documents: readonly Doc[]): void {
  const collection = engine.store.collection(target);
  for (const record of [...collection.all()]) collection.remove(record);
  for (const document of documents) collection.insert(newDocument(document, engine.now()));
}

function merge(engine: Engine, target: string, options: Doc, documents: readonly Doc[]): void {
  const { whenMatched = "merge", whenNotMatched = "insert" } = options;
  const { on: fields = "_id" } = options;
  const on = (Array.isArray(fields) ? fields : [fields]) as string[];
  const collection = engine.store.collection(target);
  assertUniqueIndex(collection, on);
  for (const incoming of documents) {
    const document = newDocument(incoming, engine.now());
    const filter = Object.fromEntries(on.map((path) => [path, { $eq: readPath(document, path.split(".")) ?? null }]));
    const [match] = selectRecords(collection, { filter, limit: 1 });
    if (!match) {
      if (whenNotMatched === "insert") collection.insert(document);
      else if (whenNotMatched !== "discard")
        throw new MongoServerError(
          13113,
          "$merge could not find a matching document in the target collection for at least one document in the source collection",
        );
      continue;
    }
    collection.replace(match, merged(match.document, document, whenMatched));
  }
}

function assertUniqueIndex(collection: Collection, on: readonly string[]): void {
  const wanted = [...on].sort().join();
  const found = [...collection.indexes.values()].some(
    ({ spec }) => spec.unique && !spec.partialFilterExpression && Object.keys(spec.key).sort().join() === wanted,
  );
  if (!found) throw new MongoServerError(51190, "Cannot find index to verify that join fields will be unique");
}

function merged(before: Doc, incoming: Doc, whenMatched: unknown): Doc {
  if (Array.isArray(whenMatched)) return runUpdatePipeline(before, whenMatched, { new: incoming });
  const { _id } = before;
  switch (whenMatched) {
    case "replace":
      return { ...incoming, _id };
    case "merge":
      return { ...before, ...incoming, _id };
    case "keepExisting":
      return before;
    case "fail":
      throw new MongoServerError(
        11000,
        "$merge with whenMatched: fail found an existing document with the same values for the 'on' fields",
      );
    default:
      throw notSupported(`$merge with whenMatched: ${String(whenMatched)}`);
  }
}
