import mongoose, { type Connection, type Model, type mongo } from "mongoose";
import type { Logger } from "./logger";

/** One connection (a pool) to MongoDB; every store of a process is made on it. */
export type Mongo = Connection;

/** The duplicate key error of MongoDB: a unique index refused the write. */
const DUPLICATE_KEY = 11000;

/**
 * Connects to MongoDB with the guarantees Cairn builds on: writes are acknowledged by a majority and journaled,
 * unknown fields in filters are refused, indexes are made by {@link ensureIndexes} alone.
 *
 * @throws mongoose.MongooseError when no server answers within `selectionTimeoutMs`
 */
export async function connectMongo(options: {
  uri: string;
  name: string;
  logger?: Logger;
  maxPoolSize?: number;
  selectionTimeoutMs?: number;
}): Promise<Mongo> {
  const connection = mongoose.createConnection(options.uri, {
    appName: options.name,
    autoIndex: false,
    autoCreate: false,
    maxPoolSize: options.maxPoolSize ?? 20,
    serverSelectionTimeoutMS: options.selectionTimeoutMs ?? 5_000,
    writeConcern: { w: "majority" },
    retryWrites: true,
  });
  connection.set("strictQuery", "throw");
  let closing = false;
  connection.on("disconnecting", () => (closing = true));
  connection.on("disconnected", () => {
    if (!closing) options.logger?.warn("MongoDB does not answer; reconnecting");
  });
  connection.on("reconnected", () => options.logger?.info("MongoDB answers again"));
  return connection.asPromise();
}

/** Creates the indexes of every model made on the connection so far. Safe to run from several processes at once. */
export async function ensureIndexes(mongo: Mongo): Promise<void> {
  for (const model of Object.values(mongo.models)) await (model as Model<unknown>).createIndexes();
}

/**
 * The driver's own collection, for the reads and writes of hot paths: mongoose's casting and hydrating cost more than
 * the driver itself. Only TypeScript checks what is written.
 */
export function rawCollection<Stored extends { _id: string }>(
  connection: Mongo,
  name: string,
): mongo.Collection<Stored> {
  const { db } = connection;
  if (db === undefined) throw new Error("the connection to MongoDB is not open");
  return db.collection<Stored>(name);
}

/** Documents deleted in one exchange: few enough that other writes are not kept waiting. */
const DELETE_BATCH = 1_000;

/**
 * Deletes every document that matches, batch by batch.
 *
 * @param filter what an index finds; each is deleted on condition that it still matches
 * @returns how many were deleted
 */
export async function deleteInBatches<Stored extends { _id: string }>(
  collection: mongo.Collection<Stored>,
  filter: mongo.Filter<Stored>,
): Promise<number> {
  let deleted = 0;
  for (;;) {
    const batch = await collection.find(filter).project<{ _id: string }>({ _id: 1 }).limit(DELETE_BATCH).toArray();
    if (batch.length === 0) return deleted;
    const ids = batch.map(({ _id }) => _id);
    const { deletedCount } = await collection.deleteMany({
      $and: [filter, { _id: { $in: ids } }],
    } as mongo.Filter<Stored>);
    deleted += deletedCount;
  }
}

/**
 * Whether a write failed because a unique index already holds the value.
 *
 * @param field when given, the index must involve this field
 */
export function isDuplicateKey(error: unknown, field?: string): boolean {
  if (!(error instanceof Error)) return false;
  const { code, keyPattern } = error as { code?: unknown; keyPattern?: Record<string, unknown> };
  return code === DUPLICATE_KEY && (field === undefined || (keyPattern !== undefined && field in keyPattern));
}
