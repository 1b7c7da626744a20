import { hostname } from "node:os";
import { MAX_DOCUMENT_BYTES } from "../bson/codec";
import type { Engine } from "../store/engine";
import { MongoServerError, badValue, notImplemented } from "../errors";
import { type Doc, isNumeric, toNumber } from "../bson/values";

/** What the server says it is: a standalone mongod 7.0 (wire version 21). */
const VERSION = "7.0.0";
const WIRE_VERSION = 21;

/** The largest message of the wire protocol. */
export const MAX_MESSAGE_BYTES = 48_000_000;

export function hello(engine: Engine, _database: string, command: Doc, connectionId: number): Doc {
  const isLegacy = command.hello === undefined;
  return {
    ...(command.helloOk === true && { helloOk: true }),
    [isLegacy ? "ismaster" : "isWritablePrimary"]: true,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    maxMessageSizeBytes: MAX_MESSAGE_BYTES,
    maxWriteBatchSize: 100_000,
    localTime: engine.now(),
    // Drivers open sessions only where this is given; what they send of them is accepted and has no effect.
    logicalSessionTimeoutMinutes: 30,
    connectionId,
    minWireVersion: 0,
    maxWireVersion: WIRE_VERSION,
    readOnly: false,
  };
}

export const ok = (): Doc => ({});

export function buildInfo(): Doc {
  return {
    version: VERSION,
    gitVersion: "embedded",
    modules: ["cairn-embedded"],
    versionArray: [...VERSION.split(".").map(Number), 0],
    bits: 64,
    debug: false,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    storageEngines: ["journal"],
  };
}

export function connectionStatus(): Doc {
  return { authInfo: { authenticatedUsers: [], authenticatedUserRoles: [] } };
}

export function serverStatus(engine: Engine): Doc {
  const uptime = (engine.now().getTime() - engine.startedAt.getTime()) / 1000;
  return {
    host: hostname(),
    version: VERSION,
    process: "mongod",
    pid: process.pid,
    uptime: Math.floor(uptime),
    uptimeMillis: Math.round(uptime * 1000),
    localTime: engine.now(),
    metrics: { cursor: { open: { total: engine.cursors.count } } },
    storageEngine: { name: "journal", persistent: engine.isPersistent },
    mem: { bits: 64, resident: Math.round(process.memoryUsage().rss / 2 ** 20) },
  };
}

export function getParameter(engine: Engine, _database: string, command: Doc): Doc {
  const parameters: Doc = {
    featureCompatibilityVersion: { version: "7.0" },
    ttlMonitorSleepSecs: engine.ttlSweepSeconds,
  };
  if (command.getParameter === "*") return parameters;
  const found = Object.entries(parameters).filter(([name]) => command[name] !== undefined);
  if (found.length === 0) throw new MongoServerError(72, "no option found to get");
  return Object.fromEntries(found);
}

export function setParameter(engine: Engine, _database: string, command: Doc): Doc {
  const { ttlMonitorSleepSecs: seconds } = command;
  if (seconds === undefined) throw notImplemented(72, "attempted to set a parameter other than ttlMonitorSleepSecs");
  if (!isNumeric(seconds) || !(toNumber(seconds) >= 1))
    throw badValue("ttlMonitorSleepSecs must be a number of at least 1");
  const was = engine.ttlSweepSeconds;
  engine.ttlSweepSeconds = toNumber(seconds);
  return { was };
}
