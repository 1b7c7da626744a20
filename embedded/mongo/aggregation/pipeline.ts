import { compileGroupFields, groupDocuments } from "./accumulators";
import type { Collection } from "../store/collection";
import { MongoServerError, notSupported } from "../errors";
import { type Variables, compileExpression, valueAt } from "./expressions";
import { compileMatch } from "../query/match";
import { type Projection, compileAddFields, compileProjection } from "../query/project";
import { unwind } from "./unwind";
import { type Query, selectRecords } from "../query/select";
import { parseSort, sortDocuments } from "../query/sort";
import { writePath } from "../update/updatePaths";
import { type Doc, bsonType, copyOf, isDoc, toInteger, typeName } from "../bson/values";
import { compareValues } from "../bson/order";

/** What a pipeline may reach besides its input. */
export interface PipelineContext {
  readonly variables: Variables;
  /** The index to use for the leading stages. */
  readonly hint?: unknown;
  /** A collection of the same database; undefined when it does not exist. */
  collection(name: string): Collection | undefined;
  /** Carries out `$out` or `$merge`; absent where a pipeline may not write. */
  readonly write?: ((stage: "$out" | "$merge", argument: unknown, documents: readonly Doc[]) => void) | undefined;
}

type Stage = (documents: readonly Doc[]) => readonly Doc[];
type StageCompiler = (argument: unknown, context: PipelineContext) => Stage;

/** A pipeline's stages as `[name, argument]`. Throws 40323 for a malformed one, 40324 for one MongoDB does not have. */
function parsePipeline(pipeline: readonly unknown[]): [string, unknown][] {
  return pipeline.map((stage) => {
    if (!isDoc(stage)) throw new MongoServerError(14, "Each element of the 'pipeline' array must be an object");
    const [entry, ...more] = Object.entries(stage);
    if (!entry || more.length > 0) {
      throw new MongoServerError(40323, "A pipeline stage specification object must contain exactly one field.");
    }
    return entry;
  });
}

function compileStage(name: string, argument: unknown, context: PipelineContext): Stage {
  const compile = STAGES[name];
  if (compile) return compile(argument, context);
  if (UNSUPPORTED.has(name)) throw notSupported(`The aggregation stage ${name}`);
  throw new MongoServerError(40324, `Unrecognized pipeline stage name: '${name}'`);
}

const UNSUPPORTED = new Set(
  (
    "$bucketAuto $changeStream $changeStreamSplitLargeEvent $collStats $currentOp $densify $documents $fill $geoNear " +
    "$graphLookup $indexStats $listLocalSessions $listSessions $planCacheStats $redact $search $searchMeta " +
    "$setWindowFields $shardedDataDistribution $vectorSearch"
  ).split(" "),
);

/** Runs a pipeline over given documents, which stay as they are. */
export function runPipeline(
  documents: readonly Doc[],
  pipeline: readonly unknown[],
  context: PipelineContext,
): readonly Doc[] {
  // All stages are compiled first: an invalid one is refused even when no document would reach it.
  const stages = parsePipeline(pipeline).map(([name, argument]) => compileStage(name, argument, context));
  return stages.reduce((result, stage) => stage(result), documents);
}

/** Runs a pipeline over a collection; its leading $match, $sort, $skip and $limit go through the indexes. */
export function aggregateCollection(
  collection: Collection | undefined,
  pipeline: readonly unknown[],
  context: PipelineContext,
): readonly Doc[] {
  const stages = parsePipeline(pipeline);
  const compiled = stages.map(([name, argument]) => compileStage(name, argument, context));
  const query: Query = {
    filter: {},
    variables: context.variables,
    hint: context.hint,
  };
  let taken = 0;
  const next = (name: string): unknown => (stages[taken]?.[0] === name ? stages[taken++]?.[1] : undefined);
  const filter = next("$match");
  if (filter !== undefined) query.filter = filter as Doc;
  const sort = next("$sort");
  if (sort !== undefined) query.sort = sort as Doc;
  const skip = next("$skip");
  if (skip !== undefined) query.skip = toInteger(skip) as number;
  const limit = next("$limit");
  if (limit !== undefined) query.limit = toInteger(limit) as number;
  const documents = selectRecords(collection, query).map(({ document }) => document);
  return compiled.slice(taken).reduce<readonly Doc[]>((result, stage) => stage(result), documents);
}

/** The pipeline form of an update: only the stages MongoDB allows there. */
export function runUpdatePipeline(document: Doc, pipeline: readonly unknown[], variables: Variables): Doc {
  for (const [name] of parsePipeline(pipeline)) {
    if (!["$set", "$addFields", "$unset", "$project", "$replaceRoot", "$replaceWith"].includes(name)) {
      throw new MongoServerError(72, `${name} is not allowed to be used within an update`);
    }
  }
  const [result] = runPipeline([document], pipeline, { variables, collection: () => undefined });
  return copyOf(result ?? {});
}

function object(stage: string, argument: unknown): Doc {
  if (!isDoc(argument))
    throw new MongoServerError(
      40272,
      `the ${stage} stage specification must be an object, found ${typeName(argument)}`,
    );
  return argument;
}

function count(stage: string, argument: unknown, least: number): number {
  const number = toInteger(argument);
  if (number === undefined || number < least) {
    throw new MongoServerError(
      stage === "$limit" ? 15958 : 5107200,
      `invalid argument to ${stage} stage: expected an integer of at least ${least}`,
    );
  }
  return number;
}

const mapped =
  (projection: Projection, context: PipelineContext): Stage =>
  (documents) =>
    documents.map((document) => projection(document, context.variables));

const addFields: StageCompiler = (argument, context) =>
  mapped(compileAddFields(object("$addFields", argument)), context);

function replaceRoot(source: unknown, context: PipelineContext): Stage {
  const evaluate = compileExpression(source);
  return (documents) =>
    documents.map((root) => {
      const replacement = evaluate({ root, variables: context.variables });
      if (!isDoc(replacement)) {
        throw new MongoServerError(
          40228,
          `'newRoot' expression must evaluate to an object, but resulting value was of type: ${typeName(replacement)}`,
        );
      }
      return replacement;
    });
}

function group({ _id: by, ...rest }: Doc, context: PipelineContext): Stage {
  if (by === undefined) throw new MongoServerError(15955, "a group specification must include an _id");
  const idOf = compileExpression(by);
  const fields = compileGroupFields(rest);
  return (documents) => groupDocuments(documents, idOf, fields, context.variables);
}

function lookup(argument: unknown, context: PipelineContext): Stage {
  const { from, localField, foreignField, as, pipeline, let: variables = {} } = object("$lookup", argument);
  if (typeof from !== "string") throw new MongoServerError(9, "$lookup needs a string 'from'");
  if (typeof as !== "string") throw new MongoServerError(9, "$lookup needs a string 'as'");
  const joins = typeof localField === "string" && typeof foreignField === "string";
  if (!joins && !Array.isArray(pipeline))
    throw new MongoServerError(9, "$lookup needs 'localField' and 'foreignField', or 'pipeline'");
  const bindings = Object.entries(object("$lookup", variables)).map(
    ([name, value]) => [name, compileExpression(value)] as const,
  );
  return (documents) => {
    const foreign = context.collection(from);
    return documents.map((root) => {
      const scope = { root, variables: context.variables };
      const bound = Object.fromEntries(bindings.map(([name, evaluate]) => [name, evaluate(scope)]));
      const inner: PipelineContext = {
        ...context,
        write: undefined,
        hint: undefined,
        variables: { ...context.variables, ...bound },
      };
      const filter = joins ? { [foreignField]: joinCondition(valueAt(root, localField.split("."))) } : {};
      const stages = (pipeline ?? []) as unknown[];
      const found = aggregateCollection(foreign, joins ? [{ $match: filter }, ...stages] : stages, inner);
      const copy = copyOf(root);
      writePath(copy, as.split("."), [...found]);
      return copy;
    });
  };
}

/** Equality with the local value: any element of an array; null for a missing one; never as a pattern. */
function joinCondition(local: unknown): Doc {
  const values = Array.isArray(local) ? local : [local ?? null];
  return values.some((value) => bsonType(value) === "BSONRegExp") ? { $eq: local } : { $in: values };
}

function facet(argument: unknown, context: PipelineContext): Stage {
  const facets = Object.entries(object("$facet", argument)).map(([name, pipeline]) => {
    if (!Array.isArray(pipeline))
      throw new MongoServerError(40170, `arguments to $facet must be arrays, ${name} is type ${typeName(pipeline)}`);
    return [name, pipeline as unknown[]] as const;
  });
  const inner = { ...context, write: undefined, hint: undefined };
  return (documents) => [
    Object.fromEntries(facets.map(([name, pipeline]) => [name, [...runPipeline(documents, pipeline, inner)]])),
  ];
}

function bucket(argument: unknown, context: PipelineContext): Stage {
  const { groupBy, boundaries, default: fallback, output = { count: { $sum: 1 } } } = object("$bucket", argument);
  if (!Array.isArray(boundaries) || boundaries.length < 2) {
    throw new MongoServerError(40192, "The $bucket 'boundaries' field must have at least 2 values");
  }
  const by = compileExpression(groupBy);
  const lower = (value: unknown): unknown => {
    const above = boundaries.findIndex((boundary) => compareValues(value, boundary) < 0);
    if (above > 0) return boundaries[above - 1];
    if (fallback === undefined)
      throw new MongoServerError(
        40066,
        "$bucket could not find a matching branch for an input, and no default was specified.",
      );
    return fallback;
  };
  const fields = compileGroupFields(object("$bucket", output));
  return (documents) => {
    const groups = groupDocuments(documents, (scope) => lower(by(scope) ?? null), fields, context.variables);
    return sortDocuments(groups, parseSort({ _id: 1 }), (found) => found);
  };
}

function writing(stage: "$out" | "$merge"): StageCompiler {
  return (argument, context) => (documents) => {
    if (!context.write) throw new MongoServerError(51047, `${stage} is not allowed here`);
    context.write(stage, argument, documents);
    return [];
  };
}

const STAGES: Readonly<Record<string, StageCompiler>> = {
  $match(argument, context) {
    const matches = compileMatch(object("$match", argument), context.variables);
    return (documents) => documents.filter((document) => matches(document));
  },
  $project: (argument, context) => mapped(compileProjection(object("$project", argument), "stage"), context),
  $addFields: addFields,
  $set: addFields,
  $unset(argument, context) {
    const paths = (Array.isArray(argument) ? argument : [argument]) as string[];
    return mapped(compileProjection(Object.fromEntries(paths.map((path) => [path, 0])), "stage"), context);
  },
  $group: (argument, context) => group(object("$group", argument), context),
  $sort(argument) {
    const fields = parseSort(object("$sort", argument));
    return (documents) => sortDocuments(documents, fields, (document) => document);
  },
  $limit(argument) {
    const most = count("$limit", argument, 1);
    return (documents) => documents.slice(0, most);
  },
  $skip(argument) {
    const first = count("$skip", argument, 0);
    return (documents) => documents.slice(first);
  },
  $count(argument) {
    if (typeof argument !== "string" || argument === "")
      throw new MongoServerError(40156, "the count field must be a non-empty string");
    return (documents) => (documents.length > 0 ? [{ [argument]: documents.length }] : []);
  },
  $unwind: unwind,
  $lookup: lookup,
  $facet: facet,
  $bucket: bucket,
  $replaceRoot: (argument, context) => replaceRoot(object("$replaceRoot", argument).newRoot, context),
  $replaceWith: replaceRoot,
  $sortByCount(argument, context) {
    const grouped = group({ _id: argument, count: { $sum: 1 } }, context);
    return (documents) => sortDocuments(grouped(documents), parseSort({ count: -1 }), (document) => document);
  },
  $sample(argument) {
    const size = count("$sample", object("$sample", argument).size, 1);
    return (documents) => shuffled(documents).slice(0, size);
  },
  $unionWith(argument, context) {
    const { coll, pipeline = [] } = typeof argument === "string" ? { coll: argument } : object("$unionWith", argument);
    return (documents) => [
      ...documents,
      ...aggregateCollection(context.collection(String(coll)), pipeline as unknown[], {
        ...context,
        write: undefined,
        hint: undefined,
      }),
    ];
  },
  $out: writing("$out"),
  $merge: writing("$merge"),
};

function shuffled(documents: readonly Doc[]): Doc[] {
  const pool = [...documents];
  for (let i = pool.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [pool[i], pool[j]] = [pool[j] as Doc, pool[i] as Doc];
  }
  return pool;
}
