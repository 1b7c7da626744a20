import type { Engine } from "../store/engine";
import { MongoServerError, badValue, notImplemented, unknownField } from "../errors";
import { type Doc, isDoc, isNumeric, toNumber } from "../bson/values";
import * as collections from "./collections";
import * as indexes from "./indexes";
import * as read from "./read";
import * as server from "./server";
import * as write from "./write";

/** A reply without `ok`, or one that is encoded already (cursor batches). */
type Reply = Doc | Uint8Array;
type Handler = (engine: Engine, database: string, command: Doc, connectionId: number) => Reply;

interface Command {
  readonly run: Handler;
  /** The fields it understands, beside {@link GENERIC_FIELDS}; any other is refused, as mongod does. Null: all. */
  readonly fields: ReadonlySet<string> | null;
}

const GENERIC_FIELDS = new Set(
  (
    "$db lsid $clusterTime $readPreference $queryOptions txnNumber startTransaction autocommit stmtId stmtIds comment " +
    "maxTimeMS readConcern writeConcern apiVersion apiStrict apiDeprecationErrors $audit $client help"
  ).split(" "),
);

const define = (run: Handler, fields = ""): Command => ({ run, fields: new Set(fields.split(" ")) });

const findAndModify = define(
  write.findAndModify,
  "query sort remove update new fields upsert arrayFilters bypassDocumentValidation collation hint",
);
const hello = define(
  server.hello,
  "helloOk client compression topologyVersion maxAwaitTimeMS speculativeAuthenticate saslSupportedMechs loadBalanced backpressure internalClient",
);

const COMMANDS: Readonly<Record<string, Command>> = {
  hello,
  isMaster: hello,
  ismaster: hello,
  ping: define(server.ok),
  buildInfo: define(server.buildInfo),
  buildinfo: define(server.buildInfo),
  connectionStatus: define(server.connectionStatus, "showPrivileges"),
  serverStatus: { run: server.serverStatus, fields: null },
  getParameter: define(server.getParameter, "featureCompatibilityVersion ttlMonitorSleepSecs"),
  setParameter: define(server.setParameter, "ttlMonitorSleepSecs"),
  endSessions: define(server.ok),
  refreshSessions: define(server.ok),
  killSessions: define(server.ok),
  logout: define(server.ok),
  find: define(
    read.find,
    "filter sort projection skip limit batchSize singleBatch max min returnKey showRecordId tailable oplogReplay hint " +
      "collation noCursorTimeout awaitData allowPartialResults allowDiskUse",
  ),
  getMore: define(read.getMore, "collection batchSize"),
  killCursors: define(read.killCursors, "cursors"),
  count: define(read.count, "query limit skip fields collation hint"),
  distinct: define(read.distinct, "key query collation hint"),
  aggregate: define(read.aggregate, "pipeline explain allowDiskUse cursor bypassDocumentValidation collation hint"),
  explain: define(read.explain, "verbosity"),
  insert: define(write.insert, "documents ordered bypassDocumentValidation"),
  update: define(write.update, "updates ordered bypassDocumentValidation"),
  delete: define(write.remove, "deletes ordered"),
  findAndModify,
  findandmodify: findAndModify,
  createIndexes: define(indexes.createIndexes, "indexes commitQuorum"),
  listIndexes: define(indexes.listIndexes, "cursor"),
  dropIndexes: define(indexes.dropIndexes, "index"),
  deleteIndexes: define(indexes.dropIndexes, "index"),
  collMod: define(indexes.collMod, "index"),
  create: define(collections.create, "capped collation autoIndexId storageEngine indexOptionDefaults"),
  drop: define(collections.drop),
  dropDatabase: define(collections.dropDatabase),
  renameCollection: define(collections.renameCollection, "to dropTarget"),
  listCollections: define(collections.listCollections, "filter nameOnly authorizedCollections cursor"),
  listDatabases: define(collections.listDatabases, "filter nameOnly authorizedDatabases"),
  collStats: define(collections.collStats, "scale"),
  collstats: define(collections.collStats, "scale"),
  dbStats: define(collections.dbStats, "scale freeStorage"),
  dbstats: define(collections.dbStats, "scale freeStorage"),
};

const UNSUPPORTED = new Set(
  (
    "bulkWrite saslStart saslContinue authenticate createUser updateUser dropUser usersInfo mapReduce mapreduce validate " +
    "currentOp killOp createSearchIndexes listSearchIndexes dropSearchIndex replSetGetStatus fsync compact profile getLog " +
    "hostInfo top startSession"
  ).split(" "),
);

/**
 * Runs one command and makes what it changed durable before answering.
 *
 * @throws MongoServerError when the whole command is rejected. Anything else thrown is a bug of this server.
 */
export function runCommand(engine: Engine, command: Doc, connectionId: number): Reply {
  const [name = ""] = Object.keys(command);
  assertStandalone(name, command);
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!found) {
    if (UNSUPPORTED.has(name)) throw notImplemented(59, `no such command: '${name}'`);
    throw new MongoServerError(59, `no such command: '${name}'`);
  }
  for (const field of Object.keys(command).slice(1)) {
    if (found.fields && !found.fields.has(field) && !GENERIC_FIELDS.has(field)) {
      throw unknownField(`${name}.${field}`);
    }
  }
  assertNoCollation(command);
  const durable = assertWriteConcern(command);
  assertReadConcern(command);
  try {
    return found.run(engine, typeof command.$db === "string" ? command.$db : "admin", command, connectionId);
  } finally {
    // Also after a failure: a batch may have changed something before it.
    engine.commit(durable);
  }
}

function assertStandalone(name: string, command: Doc): void {
  const inTransaction = command.startTransaction !== undefined || command.autocommit !== undefined;
  if (inTransaction || command.txnNumber !== undefined || name === "commitTransaction" || name === "abortTransaction") {
    throw new MongoServerError(20, "Transaction numbers are only allowed on a replica set member or mongos");
  }
}

function assertNoCollation(command: Doc): void {
  const nested = ["updates", "deletes", "indexes"].flatMap((field) =>
    Array.isArray(command[field]) ? (command[field] as unknown[]) : [],
  );
  for (const holder of [command, ...nested]) {
    const collation = isDoc(holder) ? holder.collation : undefined;
    const isSimple = isDoc(collation) && (collation.locale === "simple" || Object.keys(collation).length === 0);
    if (collation !== undefined && !isSimple)
      throw notImplemented(2, "Field 'collation' has a value other than { locale: 'simple' }");
  }
}

/** Accepts what a standalone server accepts; returns whether the disk must be waited for. */
function assertWriteConcern({ writeConcern }: Doc): boolean {
  if (!isDoc(writeConcern)) return false;
  const { w = 1, j } = writeConcern;
  if (isNumeric(w) && toNumber(w) > 1) throw badValue("cannot use 'w' > 1 when a host is not replicated");
  if (!isNumeric(w) && w !== "majority")
    throw badValue(`cannot use non-'majority' 'w' mode ${String(w)} when a host is not a member of a replica set`);
  return j === true;
}

function assertReadConcern({ readConcern }: Doc): void {
  const level = isDoc(readConcern) ? readConcern.level : undefined;
  if (level === "snapshot" || level === "linearizable") {
    throw new MongoServerError(123, `node needs to be a replica set member to use read concern ${level}`);
  }
}
