import { Binary, type DBRef, type Double, type Int32, calculateObjectSize, deserialize, serialize } from "bson";
import { type Doc, bsonType, isDoc, isInt32, setField } from "./values";
import { MongoServerError } from "../errors";

/** The largest document MongoDB stores: 16 MiB. */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

/** How deep a stored document may be nested, itself included (manual: "MongoDB Limits and Thresholds"). */
const MAX_STORED_DEPTH = 100;
/** How deep a message may be nested: a command adds levels of its own to a document. */
export const MAX_MESSAGE_DEPTH = 200;

/**
 * Reads one BSON document, keeping every type apart (see {@link Doc}). The result shares no memory with `bytes`.
 *
 * @throws MongoServerError Overflow (15) for a document nested deeper than `maxDepth`; bson's BSONError for a malformed one.
 */
export function decode(bytes: Uint8Array, maxDepth = Number.POSITIVE_INFINITY): Doc {
  const document = deserializeNested(bytes);
  settleFields(document, maxDepth);
  return document;
}

function deserializeNested(bytes: Uint8Array): Doc {
  try {
    return deserialize(bytes, { promoteValues: false, promoteLongs: false, bsonRegExp: true });
  } catch (error) {
    // bson reads embedded documents by recursion: thousands of levels exhaust the stack.
    if (error instanceof RangeError && error.message.includes("call stack")) throw tooDeep(MAX_MESSAGE_DEPTH);
    throw error;
  }
}

const tooDeep = (maxDepth: number): MongoServerError =>
  new MongoServerError(15, `BSONObj exceeds maximum nested object depth: ${maxDepth}`);

/** Rejects a document nested deeper than MongoDB stores. Throws MongoServerError Overflow (15). */
export function assertDepth(document: Doc): void {
  assertLevels(document, MAX_STORED_DEPTH);
}

function assertLevels(value: Doc | readonly unknown[], levels: number): void {
  if (levels === 0) throw tooDeep(MAX_STORED_DEPTH);
  for (const item of Array.isArray(value) ? (value as readonly unknown[]) : Object.values(value)) {
    if (Array.isArray(item) || isDoc(item)) assertLevels(item, levels - 1);
  }
}

/** Writes one document as BSON. Undefined fields are left out. */
export function encode(document: Doc): Uint8Array {
  return serialize(document, { ignoreUndefined: true });
}

/**
 * {@link encode} for a document to be stored, alone or inside another that adds `envelopeBytes`.
 *
 * @throws MongoServerError BSONObjectTooLarge (10334) past 16 MiB.
 */
export function encodeBounded(document: Doc, envelopeBytes = 0): Uint8Array {
  try {
    const bytes = encode(document);
    if (bytes.length <= MAX_DOCUMENT_BYTES + envelopeBytes) return bytes;
  } catch (error) {
    // The serializer's buffer is 17 MiB; running past its end shows as a RangeError.
    if (!(error instanceof RangeError)) throw error;
  }
  throw tooLarge();
}

/** Rejects a document past 16 MiB where it need not be encoded. Throws as {@link encodeBounded} does. */
export function assertSize(document: Doc): void {
  if (calculateObjectSize(document) > MAX_DOCUMENT_BYTES) throw tooLarge();
}

const tooLarge = (): MongoServerError =>
  new MongoServerError(10334, `BSONObj size is invalid: a document may have ${MAX_DOCUMENT_BYTES} bytes at most`);

function settleFields(document: Doc, levels: number): void {
  if (levels <= 0) throw tooDeep(MAX_MESSAGE_DEPTH);
  for (const field of Object.keys(document)) {
    const value = document[field];
    const settled = settle(value, levels - 1);
    if (settled !== value) setField(document, field, settled);
    else if (value === undefined) Reflect.deleteProperty(document, field);
  }
}

function settle(value: unknown, levels: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    if (levels <= 0) throw tooDeep(MAX_MESSAGE_DEPTH);
    for (let i = 0; i < value.length; i++) value[i] = value[i] === undefined ? null : settle(value[i], levels - 1);
    return value;
  }
  switch (bsonType(value)) {
    case undefined:
      if (!(value instanceof Date)) settleFields(value as Doc, levels);
      return value;
    case "Int32":
      return (value as Int32).value;
    case "Double":
      return isInt32((value as Double).value) ? value : (value as Double).value;
    case "Binary": {
      // The parser hands out a view onto the socket's buffer, which would stay in memory, or change, with it.
      const binary = value as Binary;
      return new Binary(new Uint8Array(binary.value()), binary.sub_type);
    }
    case "DBRef": {
      const { collection, oid, db, fields } = value as DBRef;
      const plain: Doc = { $ref: collection, $id: oid, ...(db ? { $db: db } : {}), ...fields };
      settleFields(plain, levels);
      return plain;
    }
    default:
      return value;
  }
}

/** Builds `{ cursor: { <batchName>: [...], id, ns }, ok: 1 }` around encoded documents. */
export function encodeCursorReply(batchName: string, batch: readonly Uint8Array[], rest: Doc): Uint8Array {
  const tail = encode(rest).subarray(4);
  const array = frame(
    batch.flatMap((bytes, i) => [Buffer.from(`\x03${i}\0`, "latin1"), bytes]),
    ZERO,
  );
  const cursor = frame([Buffer.from(`\x04${batchName}\0`, "latin1"), array], tail);
  return frame([Buffer.from("\x03cursor\0", "latin1"), cursor], encode({ ok: 1 }).subarray(4));
}

const ZERO = new Uint8Array(1);

function frame(parts: readonly Uint8Array[], tail: Uint8Array): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 4 + tail.length);
  const head = Buffer.allocUnsafe(4);
  head.writeInt32LE(length);
  return Buffer.concat([head, ...parts, tail], length);
}
