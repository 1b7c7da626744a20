import type { mongo } from "mongoose";
import { isDuplicateKey } from "../../core/mongo";
import { LeaseLostError } from "./lease";

/** A document that says in which term it was written. */
interface Fenced {
  _id: string;
  term: number;
}

/** Writes of one bulk: several travel at once, so that the server works on one while the next is encoded. */
const BULK = 500;

/**
 * Waits until all writes have ended, well or not: whoever goes on after a failure must not meet one that still runs.
 *
 * @throws the first failure
 */
export async function allDone(writes: Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(writes)) if (result.status === "rejected") throw result.reason;
}

/** The `_id`s of the writes that met a document which the condition did not let them replace. */
async function refused<Document extends Fenced>(
  collection: mongo.Collection<Document>,
  operations: mongo.AnyBulkWriteOperation<Document>[],
  idAt: (index: number) => string,
): Promise<string[]> {
  const ids: string[] = [];
  const write = async (from: number) => {
    try {
      await collection.bulkWrite(operations.slice(from, from + BULK), { ordered: false });
    } catch (error) {
      for (const index of duplicatesIn(error)) ids.push(idAt(from + index));
    }
  };
  const starts = Array.from({ length: Math.ceil(operations.length / BULK) }, (_, index) => index * BULK);
  await allDone(starts.map(write));
  return ids;
}

/** Which operations of a bulk met a duplicate key. @throws the error when it says anything else */
function duplicatesIn(error: unknown): number[] {
  const { writeErrors } = error as { writeErrors?: unknown };
  if (!isDuplicateKey(error) || writeErrors === undefined) throw error;
  const faults = (Array.isArray(writeErrors) ? writeErrors : [writeErrors]) as { code: number; index: number }[];
  if (faults.some(({ code }) => code !== 11_000)) throw error;
  return faults.map(({ index }) => index);
}

/**
 * Inserts documents that are the same whoever writes them. One that is there already, from a former term that did not
 * get to commit it, is taken over.
 */
export async function insertFenced<Document extends Fenced>(
  collection: mongo.Collection<Document>,
  documents: Document[],
  term: number,
): Promise<void> {
  const inserts = documents.map((document) => ({
    insertOne: { document: document as unknown as mongo.OptionalId<Document> },
  }));
  const there = await refused(
    collection,
    inserts as mongo.AnyBulkWriteOperation<Document>[],
    (index) => documents[index]?._id ?? "",
  );
  const takeOver = there.map((_id) => ({
    updateOne: { filter: { _id, term: { $lt: term } }, update: { $set: { term } } },
  }));
  await refused(
    collection,
    takeOver as unknown as mongo.AnyBulkWriteOperation<Document>[],
    (index) => there[index] ?? "",
  );
}

/**
 * Writes documents over their predecessors, unless a later term has written there. With `position` among their fields,
 * one that is as new or newer stays, so that writing again is harmless; but what a former term left uncommitted is
 * replaced, whatever its position.
 *
 * @throws LeaseLostError when a later term's document was met
 */
export async function replaceFenced<Document extends Fenced & { position?: number }>(
  collection: mongo.Collection<Document>,
  documents: Document[],
  term: number,
): Promise<void> {
  const replace = (document: Document, condition: object) => ({
    replaceOne: {
      filter: { _id: document._id, term: { $lte: term }, ...condition },
      replacement: document,
      upsert: true,
    },
  });
  const newer = documents.map((document) =>
    replace(document, document.position === undefined ? {} : { position: { $lt: document.position } }),
  );
  const met = new Set(
    await refused(
      collection,
      newer as unknown as mongo.AnyBulkWriteOperation<Document>[],
      (index) => documents[index]?._id ?? "",
    ),
  );
  if (met.size === 0) return;
  const stored = collection as unknown as mongo.Collection<Fenced>;
  const there = new Map<string, number>();
  for await (const found of stored.find({ _id: { $in: [...met] } }, { projection: { term: 1 } })) {
    there.set(found._id, found.term);
  }
  if ([...there.values()].some((other) => other > term)) throw new LeaseLostError(term);
  await overwriteFenced(
    collection,
    documents.filter(({ _id }) => met.has(_id) && there.get(_id) !== term),
    term,
  );
}

/** Writes documents over whatever this term or a former one left there. @throws LeaseLostError */
export async function overwriteFenced<Document extends Fenced>(
  collection: mongo.Collection<Document>,
  documents: Document[],
  term: number,
): Promise<void> {
  const operations = documents.map((document) => ({
    replaceOne: { filter: { _id: document._id, term: { $lte: term } }, replacement: document, upsert: true },
  }));
  const met = await refused(
    collection,
    operations as unknown as mongo.AnyBulkWriteOperation<Document>[],
    (index) => documents[index]?._id ?? "",
  );
  if (met.length > 0) throw new LeaseLostError(term);
}
