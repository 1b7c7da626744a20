import { mongo } from "mongoose";
import { TransientError } from "../../core/errors";

/** Errors of the drivers that mean "no connection", by name: not all of them share a class that is exported. */
const CONNECTION_ERRORS = new Set([
  "MongooseServerSelectionError",
  "MongoNotConnectedError",
  "MongoTopologyClosedError",
  "MongoPoolClosedError",
  "MongoServerClosedError",
  "MongoStalePrimaryError",
  "MongoOperationTimeoutError",
  "MongoWaitQueueTimeoutError",
]);

/**
 * Codes by which a MongoDB server says "not now" while its replica set elects, shuts down or is overloaded: those its
 * drivers retry, https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md.
 */
const SERVER_NOT_READY = new Set([6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

/** First words of Redis replies that mean the same. */
const REDIS_NOT_READY = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|BUSY|NOREPLICAS) /;

/** Node's codes for a connection that broke or was never made; drivers let some of them through as they are. */
const BROKEN_CONNECTION = new Set(["EPIPE", "ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"]);

/**
 * A driver's way of saying that the database or Redis does not answer, as an error that says a retry helps;
 * undefined for anything else.
 */
export function asUnavailable(thrown: unknown): TransientError | undefined {
  if (!(thrown instanceof Error) || thrown instanceof TransientError) return undefined;
  if (isMongoOutage(thrown)) {
    return new TransientError("mongo.unavailable", "The database does not answer.", { cause: thrown });
  }
  if (isRedisOutage(thrown)) {
    return new TransientError("redis.unavailable", "Redis does not answer.", { cause: thrown });
  }
  if (BROKEN_CONNECTION.has(String((thrown as NodeJS.ErrnoException).code))) {
    return new TransientError("connection.broken", "A part of Cairn does not answer.", { cause: thrown });
  }
  return undefined;
}

function isMongoOutage(error: Error): boolean {
  if (error instanceof mongo.MongoNetworkError || error instanceof mongo.MongoServerSelectionError) return true;
  if (error instanceof mongo.MongoServerError) return SERVER_NOT_READY.has(Number(error.code));
  return CONNECTION_ERRORS.has(error.name);
}

function isRedisOutage(error: Error): boolean {
  if (error.name === "ReplyError") return REDIS_NOT_READY.test(error.message);
  if (error.name === "MaxRetriesPerRequestError") return true;
  return error.message === "Command timed out" || error.message === "Connection is closed.";
}
