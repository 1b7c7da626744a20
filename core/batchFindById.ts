import { mongo } from "mongoose";
import type { Mongo } from "./mongo";

/** Most ids asked for in one exchange: their documents fit in one answer with room to spare. */
const MAX_IDS = 32;

interface Waiting {
  resolve(document: unknown): void;
  reject(error: unknown): void;
}

/** The ids wanted of one collection since the last exchange. */
type Wanted = Map<string, Waiting>;

const wantedBy = new WeakMap<Mongo, Map<string, Wanted>>();

/**
 * One document by its id, from the primary, as it is after the call began. Calls that come in the same turn of the
 * event loop share one exchange: under load that costs a fraction of the driver's `findOne`, alone a little less.
 *
 * @returns null when there is none
 */
export function batchFindById<Stored extends { _id: string }>(
  connection: Mongo,
  name: string,
  id: string,
): Promise<Stored | null> {
  const collections = wantedBy.get(connection) ?? new Map<string, Wanted>();
  wantedBy.set(connection, collections);
  let wanted = collections.get(name);
  // Two callers never share one document: either may change its own.
  if (wanted === undefined || wanted.has(id) || wanted.size >= MAX_IDS) {
    const next: Wanted = new Map();
    wanted = next;
    collections.set(name, next);
    setImmediate(() => {
      if (collections.get(name) === next) collections.delete(name);
      void exchange(connection, name, next);
    });
  }
  const asked = wanted;
  return new Promise((resolve, reject) => asked.set(id, { resolve: resolve, reject }));
}

async function exchange(connection: Mongo, name: string, wanted: Wanted): Promise<void> {
  try {
    const found = await find(connection, name, [...wanted.keys()]);
    for (const [id, { resolve, reject }] of wanted) {
      const document = found.get(id);
      if (document !== undefined || wanted.size === 1) resolve(document ?? null);
      // An answer of many can be cut short where documents are large: what it lacks is asked for by itself.
      else find(connection, name, [id]).then((alone) => resolve(alone.get(id) ?? null), reject);
    }
  } catch (error) {
    for (const { reject } of wanted.values()) reject(error);
  }
}

/** Without the cursor that the driver's `find` opens: half its cost. */
async function find(connection: Mongo, name: string, ids: string[]): Promise<Map<string, { _id: string }>> {
  const { db } = connection;
  if (db === undefined) throw new Error("the connection to MongoDB is not open");
  const filter = { _id: ids.length === 1 ? ids[0] : { $in: ids } };
  const read = () => db.command({ find: name, filter, limit: ids.length, singleBatch: true });
  let answer;
  try {
    answer = await read();
  } catch (error) {
    // As the driver's own reads are: repeated once when the primary changed or the connection broke.
    if (!(error instanceof mongo.MongoNetworkError) && !isRetryable(error)) throw error;
    answer = await read();
  }
  const { firstBatch } = (answer as { cursor: { firstBatch: { _id: string }[] } }).cursor;
  return new Map(firstBatch.map((document) => [document._id, document]));
}

function isRetryable(error: unknown): boolean {
  return error instanceof mongo.MongoError && error.hasErrorLabel("RetryableReadError");
}
