import { mongo } from "mongoose";
import { TransientError } from "../../core/errors";

const CONNECTION_FAULTS = new Set([
  "MongooseServerSelectionError",
  "MongoNotConnectedError",
  "MongoTopologyClosedError",
  "MongoPoolClosedError",
]);

/**
 * A driver's way of saying that the database or Redis does not answer, as an error that says a retry helps;
 * undefined for anything else.
 */
export function asUnavailable(thrown: unknown): TransientError | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (isMongoOutage(thrown)) {
    return new TransientError("mongo.unavailable", "The database does not answer.", { cause: thrown });
  }
  if (isRedisOutage(thrown))
    return new TransientError("redis.unavailable", "Redis does not answer.", { cause: thrown });
  return undefined;
}

function isMongoOutage(error: Error): boolean {
  if (error instanceof mongo.MongoNetworkError || error instanceof mongo.MongoServerSelectionError) return true;
  return CONNECTION_FAULTS.has(error.name);
}

function isRedisOutage(error: Error): boolean {
  return error.message === "Command timed out" || error.message === "Connection is closed.";
}
