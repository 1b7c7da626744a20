import type { mongo } from "mongoose";
import { isDuplicateKey } from "../../core/mongo";
import { LeaseLostError } from "./term";

/** A document that says in which term it was written. */
interface Fenced {
  _id: string;
  term: number;
}

/** A write, and the `_id` of the document that it writes. */
interface FencedWrite {
  _id: string;
  operation: mongo.AnyBulkWriteOperation<Fenced>;
}

/** Writes of one bulk: several bulks are sent at once, so that the server works on one while the next is encoded. */
const BULK_WRITES = 500;
const DUPLICATE_KEY = 11_000;

/**
 * Inserts documents that are the same whoever writes them. One that is there already, from a former term that did not
 * get to commit it, becomes this term's.
 */
export async function insertFenced<Document extends Fenced>(
  collection: mongo.Collection<Document>,
  documents: Document[],
  term: number,
): Promise<void> {
  const inserts = documents.map((document) => ({ _id: document._id, operation: { insertOne: { document } } }));
  const present = await writeAll(collection, inserts);
  const updates = present.map((_id) => {
    const filter = { _id, term: { $lt: term } };
    return { _id, operation: { updateOne: { filter, update: { $set: { term } } } } };
  });
  await writeAll(collection, updates);
}

/**
 * Writes documents over their predecessors, unless a later term has written there. With `position` among their fields,
 * one that is as new or newer stays, so that writing again is harmless; but what a former term left uncommitted is
 * replaced, whatever its position.
 *
 * @throws LeaseLostError when a document of a later term is there
 */
export async function replaceFenced<Document extends Fenced & { position?: number }>(
  collection: mongo.Collection<Document>,
  documents: Document[],
  term: number,
): Promise<void> {
  const replacements = documents.map((document) => {
    const { position } = document;
    return replacement(document, term, position === undefined ? {} : { position: { $lt: position } });
  });
  const conflicts = await writeAll(collection, replacements);
  if (conflicts.length === 0) return;
  const terms = await termsOf(collection, conflicts);
  if ([...terms.values()].some((other) => other > term)) throw new LeaseLostError(term);
  const conflicting = new Set(conflicts);
  // What this very term wrote at that position or a later one stays.
  const uncommitted = documents.filter(({ _id }) => conflicting.has(_id) && terms.get(_id) !== term);
  await overwriteFenced(collection, uncommitted, term);
}

/** Writes documents over whatever this term or a former one left there. @throws LeaseLostError */
export async function overwriteFenced<Document extends Fenced>(
  collection: mongo.Collection<Document>,
  documents: Document[],
  term: number,
): Promise<void> {
  const replacements = documents.map((document) => replacement(document, term, {}));
  const conflicts = await writeAll(collection, replacements);
  if (conflicts.length > 0) throw new LeaseLostError(term);
}

/** Replaces a document of this term or a former one, or inserts it; conflicts with any other that has its `_id`. */
function replacement(document: Fenced, term: number, condition: object): FencedWrite {
  const filter = { _id: document._id, term: { $lte: term }, ...condition };
  return { _id: document._id, operation: { replaceOne: { filter, replacement: document, upsert: true } } };
}

/**
 * Sends writes in bulks.
 *
 * @returns the `_id`s of the writes that conflicted with a document which their condition excludes
 */
async function writeAll<Document extends Fenced>(
  collection: mongo.Collection<Document>,
  writes: FencedWrite[],
): Promise<string[]> {
  const fenced = collection as unknown as mongo.Collection<Fenced>;
  const conflicts: string[] = [];
  async function writeBulk(bulk: FencedWrite[]): Promise<void> {
    try {
      await fenced.bulkWrite(
        bulk.map(({ operation }) => operation),
        { ordered: false },
      );
    } catch (error) {
      for (const index of duplicatesIn(error)) conflicts.push(bulk[index]?._id ?? "");
    }
  }
  const bulks: FencedWrite[][] = [];
  for (let from = 0; from < writes.length; from += BULK_WRITES) bulks.push(writes.slice(from, from + BULK_WRITES));
  // All end, well or not, before the first error is thrown: none may still run when the caller goes on.
  for (const result of await Promise.allSettled(bulks.map(writeBulk))) {
    if (result.status === "rejected") throw result.reason;
  }
  return conflicts;
}

/** Which operations of a bulk met a duplicate key. @throws the error when it says anything else */
function duplicatesIn(error: unknown): number[] {
  const { writeErrors } = error as { writeErrors?: unknown };
  if (!isDuplicateKey(error) || writeErrors === undefined) throw error;
  const failed = (Array.isArray(writeErrors) ? writeErrors : [writeErrors]) as { code: number; index: number }[];
  if (failed.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
  return failed.map(({ index }) => index);
}

async function termsOf<Document extends Fenced>(
  collection: mongo.Collection<Document>,
  ids: string[],
): Promise<Map<string, number>> {
  const fenced = collection as unknown as mongo.Collection<Fenced>;
  const terms = new Map<string, number>();
  for await (const { _id, term } of fenced.find({ _id: { $in: ids } }, { projection: { term: 1 } })) {
    terms.set(_id, term);
  }
  return terms;
}
