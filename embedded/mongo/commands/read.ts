import { MongoServerError, badValue, failedToParse, typeMismatch, unknownField } from "../errors";
import type { Engine } from "../store/engine";
import { distinctValues } from "../query/distinct";
import { compileMatch } from "../query/match";
import type { MatchDetails } from "../query/paths";
import { runPipeline } from "../query/pipeline";
import { planQuery } from "../query/plan";
import { compileProjection } from "../query/project";
import { type Query, selectRecords } from "../query/select";
import { parseSort } from "../query/sort";
import { type Doc, isDoc, isNumeric, isTruthy, toInteger } from "../bson/values";
import { assertFields, countField, docField, namespaceOf } from "./arguments";

/** Options of `find` that are accepted as long as they ask for nothing. */
const UNSUPPORTED_FIND = ["returnKey", "showRecordId", "max", "min", "oplogReplay"];

export function find(engine: Engine, database: string, command: Doc): Uint8Array {
  const namespace = namespaceOf(database, command.find);
  for (const option of UNSUPPORTED_FIND) {
    const value = command[option];
    if (isTruthy(value) && !(isDoc(value) && Object.keys(value).length === 0)) throw unknownField(`find.${option}`);
  }
  if (isTruthy(command.tailable)) {
    throw badValue("error processing query: tailable cursor requested on non capped collection");
  }
  if (isTruthy(command.awaitData)) {
    throw failedToParse("Cannot set 'awaitData' without also setting 'tailable'");
  }
  const collection = engine.store.find(namespace);
  const query = queryOf(command);
  const shape = shapeOf(command, query);
  const records = selectRecords(collection, query);
  return engine.cursors.first({
    namespace,
    documents: records.map(({ document }) => document),
    ...(shape && { shape }),
    batchSize: countField(command, "batchSize"),
    single: command.singleBatch === true,
  });
}

function queryOf(command: Doc): Query {
  return {
    filter: docField(command, "filter"),
    sort: docField(command, "sort"),
    skip: countField(command, "skip") ?? 0,
    limit: countField(command, "limit") ?? 0,
    hint: command.hint,
  };
}

/** How found documents are cut to the projection; undefined where they are sent whole. */
function shapeOf(command: Doc, { filter }: Query): ((document: Doc) => Doc) | undefined {
  const projection = docField(command, "projection");
  if (Object.keys(projection).length === 0) return undefined;
  const project = compileProjection(projection);
  const positional = Object.keys(projection).some((path) => path.endsWith(".$"));
  const matches = positional ? compileMatch(filter) : undefined;
  return (document) => {
    const details: MatchDetails = {};
    matches?.(document, details);
    return project(document, details.position);
  };
}

export function getMore(engine: Engine, database: string, command: Doc): Uint8Array {
  const batchSize = countField(command, "batchSize");
  return engine.cursors.next(
    command.getMore,
    namespaceOf(database, command.collection),
    batchSize === 0 ? undefined : batchSize,
  );
}

export function killCursors(engine: Engine, _database: string, command: Doc): Doc {
  if (!Array.isArray(command.cursors))
    throw badValue("BSON field 'killCursors.cursors' is missing but a required field");
  const killed = command.cursors.filter((id) => engine.cursors.kill(id));
  const rest = command.cursors.filter((id) => !killed.includes(id));
  return { cursorsKilled: killed, cursorsNotFound: rest, cursorsAlive: [], cursorsUnknown: [] };
}

export function count(engine: Engine, database: string, command: Doc): Doc {
  const collection = engine.store.find(namespaceOf(database, command.count));
  const filter = docField(command, "query");
  // A negative limit means the same as its absolute value.
  const limit = isNumeric(command.limit) ? Math.abs(toInteger(command.limit) ?? 0) : 0;
  const skip = countField(command, "skip") ?? 0;
  if (Object.keys(filter).length === 0) {
    const left = Math.max(0, (collection?.size ?? 0) - skip);
    return { n: limit > 0 ? Math.min(limit, left) : left };
  }
  return {
    n: selectRecords(collection, {
      filter,
      skip,
      limit,
      hint: command.hint,
    }).length,
  };
}

export function distinct(engine: Engine, database: string, command: Doc): Doc {
  if (typeof command.key !== "string") throw badValue("BSON field 'distinct.key' must be a string");
  const collection = engine.store.find(namespaceOf(database, command.distinct));
  const records = selectRecords(collection, {
    filter: docField(command, "query"),
  });
  return {
    values: distinctValues(
      records.map(({ document }) => document),
      command.key,
    ),
  };
}

const CURSOR_FIELDS = new Set(["batchSize"]);

export function aggregate(engine: Engine, database: string, command: Doc): Uint8Array | Doc {
  const { pipeline } = command;
  if (!Array.isArray(pipeline)) throw typeMismatch("'pipeline' option must be specified as an array");
  if (command.explain === true) return explain(engine, database, { explain: command });
  if (command.cursor === undefined)
    throw failedToParse("The 'cursor' option is required, except for aggregate with the explain argument");
  if (isNumeric(command.aggregate)) {
    throw new MongoServerError(
      73,
      "{aggregate: 1} is not valid for the stages of this pipeline; a collection is required.",
    );
  }
  const namespace = namespaceOf(database, command.aggregate);
  const cursor = docField(command, "cursor");
  assertFields(cursor, CURSOR_FIELDS, "aggregate.cursor");
  const documents = runPipeline(engine.store.find(namespace), pipeline, command.hint);
  return engine.cursors.first({ namespace, documents, batchSize: countField(cursor, "batchSize") });
}

/** `explain`: which index a query would use, and how many documents it examined. */
export function explain(engine: Engine, database: string, command: Doc): Doc {
  const inner = docField(command, "explain");
  const [name = ""] = Object.keys(inner);
  const namespace = namespaceOf(database, inner[name]);
  const [first] = Array.isArray(inner.pipeline) ? (inner.pipeline as Doc[]) : [];
  const [statement] = (inner.updates ?? inner.deletes ?? []) as Doc[];
  const filter = [inner.filter, inner.query, first?.$match, statement?.q].find(isDoc) ?? {};
  const sort = isDoc(inner.sort) ? inner.sort : {};
  compileMatch(filter);
  const collection = engine.store.find(namespace);
  const plan = collection && planQuery(collection, filter, parseSort(sort), inner.hint);
  const scan: Doc = {
    stage: plan?.stage ?? "EOF",
    ...(plan?.indexName !== undefined && { indexName: plan.indexName }),
  };
  const access: Doc = plan?.stage === "IXSCAN" ? { stage: "FETCH", inputStage: scan } : scan;
  const winningPlan = plan?.sorted === false ? { stage: "SORT", inputStage: access } : access;
  const nReturned = selectRecords(collection, { filter, sort }).length;
  const examined = plan ? [...plan.candidates()].length : 0;
  return {
    queryPlanner: { namespace, parsedQuery: filter, winningPlan, rejectedPlans: [] },
    executionStats: { executionSuccess: true, nReturned, totalDocsExamined: examined },
    serverInfo: { version: "7.0.0" },
  };
}
