import { MongoServerError, notImplemented, typeMismatch } from "../errors";
import { compileMatch } from "./match";
import { type Query, selectRecords } from "./select";
import type { Collection } from "../store/collection";
import { type Doc, isDoc, isNumeric, toInteger, typeName } from "../bson/values";

/** What one stage makes of the documents before it. */
type Stage = (documents: readonly Doc[]) => readonly Doc[];

/**
 * Runs an aggregation pipeline of `$match`, `$skip`, `$limit`, `$count`, and the `$group` that drivers count with.
 * A leading `$match`, `$skip` and `$limit` go through the indexes.
 *
 * @throws MongoServerError 40323 for a malformed stage, 40324 for one that is unknown or not implemented, 15952 for a
 * `$group` that does more than count.
 */
export function runPipeline(
  collection: Collection | undefined,
  pipeline: readonly unknown[],
  hint: unknown,
): readonly Doc[] {
  const stages = pipeline.map(parseStage);
  // All stages are compiled first: an invalid one is refused even when no document would reach it.
  const compiled = stages.map(([name, argument]) => compileStage(name, argument));
  const query: Query = { filter: {}, hint };
  let taken = 0;
  const next = (name: string): unknown => (stages[taken]?.[0] === name ? stages[taken++]?.[1] : undefined);
  const filter = next("$match");
  if (filter !== undefined) query.filter = filter as Doc;
  const skip = next("$skip");
  if (skip !== undefined) query.skip = toInteger(skip) as number;
  const limit = next("$limit");
  if (limit !== undefined) query.limit = toInteger(limit) as number;
  const documents = selectRecords(collection, query).map(({ document }) => document);
  return compiled.slice(taken).reduce<readonly Doc[]>((result, stage) => stage(result), documents);
}

function parseStage(stage: unknown): [string, unknown] {
  if (!isDoc(stage)) throw typeMismatch("Each element of the 'pipeline' array must be an object");
  const [entry, ...more] = Object.entries(stage);
  if (!entry || more.length > 0) {
    throw new MongoServerError(40323, "A pipeline stage specification object must contain exactly one field.");
  }
  return entry;
}

function compileStage(name: string, argument: unknown): Stage {
  switch (name) {
    case "$match":
      return matchStage(argument);
    case "$skip":
      return skipStage(argument);
    case "$limit":
      return limitStage(argument);
    case "$count":
      return countStage(argument);
    case "$group":
      return groupStage(argument);
    case "$changeStream":
      throw new MongoServerError(40573, "The $changeStream stage is only supported on replica sets");
    default:
      throw notImplemented(40324, `Unrecognized pipeline stage name: '${name}'`);
  }
}

function matchStage(argument: unknown): Stage {
  if (!isDoc(argument)) throw new MongoServerError(15959, "the match filter must be an expression in an object");
  const matches = compileMatch(argument);
  return (documents) => documents.filter((document) => matches(document));
}

function skipStage(argument: unknown): Stage {
  const first = toInteger(argument);
  if (first === undefined || first < 0) {
    throw new MongoServerError(5107200, "invalid argument to $skip stage: expected a non-negative integer");
  }
  return (documents) => documents.slice(first);
}

function limitStage(argument: unknown): Stage {
  const most = toInteger(argument);
  if (most === undefined || most < 0) {
    throw new MongoServerError(5107201, "invalid argument to $limit stage: expected a non-negative integer");
  }
  if (most === 0) throw new MongoServerError(15958, "the limit must be positive");
  return (documents) => documents.slice(0, most);
}

function countStage(argument: unknown): Stage {
  if (typeof argument !== "string") throw new MongoServerError(40156, "the count field must be a non-empty string");
  if (argument === "") throw new MongoServerError(40157, "the count field must be a non-empty string");
  if (argument.startsWith("$")) throw new MongoServerError(40158, "the count field cannot be a $-prefixed path");
  if (argument.includes(".")) throw new MongoServerError(40160, "the count field cannot contain '.'");
  return (documents) => (documents.length > 0 ? [{ [argument]: documents.length }] : []);
}

/** `{ _id: <constant>, <field>: { $sum: 1 } }`, as drivers' countDocuments sends it: one group of all documents. */
function groupStage(argument: unknown): Stage {
  if (!isDoc(argument)) throw new MongoServerError(15947, "a group's fields must be specified in an object");
  const { _id: id, ...fields } = argument;
  if (id === undefined) throw new MongoServerError(15955, "a group specification must include an _id");
  if (id !== null && !isNumeric(id)) {
    throw notImplemented(15952, `unknown group operator: grouping by a value of type ${typeName(id)}`);
  }
  const names = Object.entries(fields).map(([name, accumulator]) => {
    if (!isDoc(accumulator)) throw new MongoServerError(40234, `The field '${name}' must be an accumulator object`);
    const [operator = "", ...more] = Object.keys(accumulator);
    if (more.length > 0) throw new MongoServerError(40238, `The field '${name}' must specify one accumulator`);
    const counts = operator === "$sum" && isNumeric(accumulator.$sum) && toInteger(accumulator.$sum) === 1;
    if (!counts) throw notImplemented(15952, `unknown group operator '${operator}' other than { $sum: 1 }`);
    return name;
  });
  return (documents) => {
    if (documents.length === 0) return [];
    return [{ _id: id, ...Object.fromEntries(names.map((name) => [name, documents.length])) }];
  };
}
