import { Long } from "bson";
import { MAX_DOCUMENT_BYTES, encode, encodeCursorReply } from "../bson/codec";
import { MongoServerError } from "../errors";
import type { Doc } from "../bson/values";

const IDLE_MS = 10 * 60 * 1000;
const FIRST_BATCH = 101;

interface Cursor {
  readonly namespace: string;
  readonly documents: readonly Doc[];
  readonly shape: (document: Doc) => Doc;
  position: number;
  usedAt: number;
}

export interface CursorOptions {
  namespace: string;
  documents: readonly Doc[];
  /** Applied to each document when its batch is sent. */
  shape?: (document: Doc) => Doc;
  /** Undefined: MongoDB's default of 101. */
  batchSize?: number | undefined;
  /** Close after the first batch whatever is left. */
  single?: boolean;
}

/** Results on their way to clients. A cursor is a snapshot: later writes do not show in it. */
export class Cursors {
  private readonly open = new Map<string, Cursor>();
  private lastId = 0;

  get count(): number {
    return this.open.size;
  }

  /** The reply to `find` or `aggregate`, with a cursor left open when there is more than one batch. */
  first({
    namespace,
    documents,
    shape = (document) => document,
    batchSize,
    single = false,
  }: CursorOptions): Uint8Array {
    const cursor: Cursor = { namespace, documents, shape, position: 0, usedAt: Date.now() };
    const batch = take(cursor, batchSize ?? FIRST_BATCH);
    const isOpen = !single && cursor.position < documents.length;
    const id = isOpen ? this.register(cursor) : 0;
    return reply("firstBatch", batch, id, namespace);
  }

  /** The reply to `getMore`. Throws CursorNotFound (43). */
  next(id: unknown, namespace: string, batchSize: number | undefined): Uint8Array {
    const key = String(id);
    const cursor = this.open.get(key);
    if (!cursor) throw new MongoServerError(43, `cursor id ${key} not found`);
    if (cursor.namespace !== namespace) {
      throw new MongoServerError(
        13,
        `Requested getMore on namespace '${namespace}', but cursor belongs to a different namespace ${cursor.namespace}`,
      );
    }
    cursor.usedAt = Date.now();
    const batch = take(cursor, batchSize ?? Number.POSITIVE_INFINITY);
    const isDone = cursor.position >= cursor.documents.length;
    if (isDone) this.open.delete(key);
    return reply("nextBatch", batch, isDone ? 0 : Number(key), namespace);
  }

  /** Closes a cursor; false when there was none. */
  kill(id: unknown): boolean {
    return this.open.delete(String(id));
  }

  private register(cursor: Cursor): number {
    for (const [id, { usedAt }] of this.open) if (cursor.usedAt - usedAt > IDLE_MS) this.open.delete(id);
    this.lastId++;
    this.open.set(String(this.lastId), cursor);
    return this.lastId;
  }
}

/** Encodes the next documents, at least one, up to `count` and to what fits a reply. */
function take(cursor: Cursor, count: number): Uint8Array[] {
  const batch: Uint8Array[] = [];
  let bytes = 0;
  while (batch.length < count && cursor.position < cursor.documents.length) {
    const encoded = encode(cursor.shape(cursor.documents[cursor.position] as Doc));
    if (batch.length > 0 && bytes + encoded.length > MAX_DOCUMENT_BYTES) break;
    batch.push(encoded);
    bytes += encoded.length;
    cursor.position++;
  }
  return batch;
}

function reply(name: string, batch: readonly Uint8Array[], id: number, namespace: string): Uint8Array {
  return encodeCursorReply(name, batch, { id: Long.fromNumber(id), ns: namespace });
}
