import { ObjectId } from "bson";
import { decode } from "../bson/codec";
import { keyOf } from "../bson/order";
import type { Doc } from "../bson/values";

const STRING = 0x02;
const OBJECT_ID = 0x07;
const DOCUMENT_HEAD = 4;
const ID_ELEMENT = Buffer.from("_id\0");

/** A document as the journal holds it: a part of a larger buffer. */
export interface EncodedDocument {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

/**
 * A stored document's place: it stays the same object while the document in it is replaced. One that was read from the
 * journal is decoded when it is first asked for, so that a start need not decode everything.
 */
export class StoredRecord {
  private decoded: Doc | undefined;
  private encoded: EncodedDocument | undefined;

  private constructor(decoded: Doc | undefined, encoded: EncodedDocument | undefined) {
    this.decoded = decoded;
    this.encoded = encoded;
  }

  static of(document: Doc): StoredRecord {
    return new StoredRecord(document, undefined);
  }

  static ofEncoded(encoded: EncodedDocument): StoredRecord {
    return new StoredRecord(undefined, encoded);
  }

  get document(): Doc {
    if (this.decoded === undefined) {
      const { buffer, start, end } = this.encoded as EncodedDocument;
      this.decoded = decode(buffer.subarray(start, end));
      this.encoded = undefined;
    }
    return this.decoded;
  }

  set document(document: Doc) {
    this.decoded = document;
    this.encoded = undefined;
  }

  /** How many bytes the document has in the journal, where it has not been decoded yet; 0 otherwise. */
  get encodedLength(): number {
    return this.encoded ? this.encoded.end - this.encoded.start : 0;
  }

  /** The document's bytes, where it has not been decoded yet. */
  get bytes(): Uint8Array | undefined {
    return this.encoded?.buffer.subarray(this.encoded.start, this.encoded.end);
  }
}

/** `keyOf` an encoded document's _id, which stands first; the usual types are read without decoding the rest. */
export function idKeyOf({ buffer, start, end }: EncodedDocument): string {
  const name = start + DOCUMENT_HEAD + 1;
  const value = name + ID_ELEMENT.length;
  if (buffer.compare(ID_ELEMENT, 0, ID_ELEMENT.length, name, value) === 0) {
    const type = buffer[name - 1];
    // The string's length counts the zero at its end.
    if (type === STRING) return keyOf(buffer.toString("utf8", value + 4, value + 4 + buffer.readInt32LE(value) - 1));
    if (type === OBJECT_ID) return keyOf(new ObjectId(buffer.subarray(value, value + 12)));
  }
  return keyOf(decode(buffer.subarray(start, end))._id);
}
