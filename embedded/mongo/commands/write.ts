import type { Collection } from "../store/collection";
import type { Engine } from "../store/engine";
import { MongoServerError, failedToParse, typeMismatch } from "../errors";
import type { StoredRecord } from "../store/record";
import { compileMatch } from "../query/match";
import type { MatchDetails } from "../query/paths";
import { compileProjection } from "../query/project";
import { selectRecords } from "../query/select";
import { compileUpdate } from "../update/update";
import { type Doc, isDoc, toInteger, shown } from "../bson/values";
import { assertFields, docField, docsField, namespaceOf } from "./arguments";
import { newDocument, upsertBase } from "./upsert";

const MAX_BATCH = 100_000;

/** Runs the statements of a write command; a failing one is reported by its index and, if ordered, ends the batch. */
function runBatch(statements: readonly Doc[], ordered: boolean, run: (statement: Doc, index: number) => void): Doc[] {
  if (statements.length === 0 || statements.length > MAX_BATCH) {
    throw new MongoServerError(
      16,
      `Write batch sizes must be between 1 and ${MAX_BATCH}. Got ${statements.length} operations.`,
    );
  }
  const errors: Doc[] = [];
  for (const [index, statement] of statements.entries()) {
    try {
      run(statement, index);
    } catch (error) {
      if (!(error instanceof MongoServerError)) throw error;
      errors.push({ index, code: error.code, errmsg: error.message, ...error.extra });
      if (ordered) break;
    }
  }
  return errors;
}

const withErrors = (reply: Doc, errors: readonly Doc[]): Doc =>
  errors.length > 0 ? { ...reply, writeErrors: errors } : reply;

export function insert(engine: Engine, database: string, command: Doc): Doc {
  const namespace = namespaceOf(database, command.insert);
  const documents = docsField(command, "documents");
  let n = 0;
  const errors = runBatch(documents, command.ordered !== false, (document) => {
    engine.store.collection(namespace).insert(newDocument(document, engine.now()));
    n++;
  });
  return withErrors({ n }, errors);
}

const UPDATE_FIELDS = new Set(["q", "u", "multi", "upsert", "arrayFilters", "collation", "hint", "sort"]);

export function update(engine: Engine, database: string, command: Doc): Doc {
  const namespace = namespaceOf(database, command.update);
  const totals = { n: 0, nModified: 0 };
  const upserted: Doc[] = [];
  const statements = docsField(command, "updates");
  for (const statement of statements) assertFields(statement, UPDATE_FIELDS, "update.updates");
  const errors = runBatch(statements, command.ordered !== false, (statement, index) => {
    const result = updateOne(engine, namespace, statement);
    totals.n += result.matched;
    totals.nModified += result.modified;
    if (result.upserted) {
      totals.n++;
      upserted.push({ index, _id: result.upserted.document._id });
    }
  });
  return withErrors({ ...totals, ...(upserted.length > 0 && { upserted }) }, errors);
}

interface Updated {
  matched: number;
  modified: number;
  upserted?: StoredRecord;
}

function updateOne(engine: Engine, namespace: string, statement: Doc): Updated {
  const filter = docField(statement, "q");
  const multi = statement.multi === true;
  const change = compileUpdate(statement.u, statement.arrayFilters);
  if (multi && change.kind === "replacement")
    throw failedToParse("multi update is not supported for replacement-style update");
  if (multi && statement.sort !== undefined) throw failedToParse("Cannot specify sort with multi=true");
  const collection = engine.store.find(namespace);
  const sort = docField(statement, "sort");
  const records = selectRecords(collection, {
    filter,
    sort,
    hint: statement.hint,
    ...(multi ? {} : { limit: 1 }),
  });
  if (collection && records.length > 0) {
    const matches = compileMatch(filter);
    let modified = 0;
    for (const record of records) if (applyTo(engine, collection, record, change, matches)) modified++;
    return { matched: records.length, modified };
  }
  if (statement.upsert !== true) return { matched: 0, modified: 0 };
  return { matched: 0, modified: 0, upserted: upsert(engine, namespace, filter, change) };
}

type Change = ReturnType<typeof compileUpdate>;

function applyTo(
  engine: Engine,
  collection: Collection,
  record: StoredRecord,
  change: Change,
  matches: ReturnType<typeof compileMatch>,
): boolean {
  const details: MatchDetails = {};
  matches(record.document, details);
  const { position } = details;
  return collection.replace(record, change(record.document, { position, inserting: false, now: engine.now() }));
}

function upsert(engine: Engine, namespace: string, filter: Doc, change: Change): StoredRecord {
  const now = engine.now();
  const document = change(upsertBase(filter, change.kind), { inserting: true, now });
  return engine.store.collection(namespace).insert(newDocument(document, now));
}

const DELETE_FIELDS = new Set(["q", "limit", "collation", "hint"]);

export function remove(engine: Engine, database: string, command: Doc): Doc {
  const collection = engine.store.find(namespaceOf(database, command.delete));
  const statements = docsField(command, "deletes");
  for (const statement of statements) assertFields(statement, DELETE_FIELDS, "delete.deletes");
  let n = 0;
  const errors = runBatch(statements, command.ordered !== false, (statement) => {
    const limit = toInteger(statement.limit);
    if (limit !== 0 && limit !== 1)
      throw failedToParse(`The limit field in delete objects must be 0 or 1. Got ${shown(statement.limit)}`);
    for (const record of selectRecords(collection, {
      filter: docField(statement, "q"),
      limit,
      hint: statement.hint,
    })) {
      collection?.remove(record);
      n++;
    }
  });
  return withErrors({ n }, errors);
}

export function findAndModify(engine: Engine, database: string, command: Doc): Doc {
  const namespace = namespaceOf(database, command.findAndModify ?? command.findandmodify);
  const { remove: removing = false, update: specification, new: wantsNew = false, upsert: mayInsert = false } = command;
  if (removing === true && specification !== undefined)
    throw failedToParse("Cannot specify both an update and remove=true");
  if (removing === true && mayInsert === true) throw failedToParse("Cannot specify both upsert=true and remove=true");
  if (removing === true && wantsNew === true)
    throw failedToParse("Cannot specify both new=true and remove=true; 'remove' always returns the deleted document");
  if (removing !== true && specification === undefined)
    throw failedToParse("Either an update or remove=true must be specified");
  const filter = docField(command, "query");
  const collection = engine.store.find(namespace);
  const matches = compileMatch(filter);
  const shape = shapeOf(command, matches);
  const [record] = selectRecords(collection, {
    filter,
    sort: docField(command, "sort"),
    limit: 1,
    hint: command.hint,
  });
  if (removing === true) {
    if (!collection || !record) return { lastErrorObject: { n: 0 }, value: null };
    const value = shape(record.document);
    collection.remove(record);
    return { lastErrorObject: { n: 1 }, value };
  }
  const change = compileUpdate(specification, command.arrayFilters);
  if (collection && record) {
    const before = record.document;
    // The projection of the old document may fail, so it is made before anything changes.
    const value = wantsNew === true ? undefined : shape(before);
    applyTo(engine, collection, record, change, matches);
    return { lastErrorObject: { n: 1, updatedExisting: true }, value: value ?? shape(record.document) };
  }
  if (mayInsert !== true) return { lastErrorObject: { n: 0, updatedExisting: false }, value: null };
  const { document } = upsert(engine, namespace, filter, change);
  return {
    lastErrorObject: { n: 1, updatedExisting: false, upserted: document._id },
    value: wantsNew === true ? shape(document) : null,
  };
}

function shapeOf(command: Doc, matches: ReturnType<typeof compileMatch>): (document: Doc) => Doc {
  const fields = command.fields ?? {};
  if (!isDoc(fields)) throw typeMismatch("BSON field 'findAndModify.fields' must be an object");
  if (Object.keys(fields).length === 0) return (document) => document;
  const project = compileProjection(fields);
  return (document) => {
    const details: MatchDetails = {};
    matches(document, details);
    return project(document, details.position);
  };
}
