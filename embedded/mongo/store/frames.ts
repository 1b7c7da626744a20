import { fstatSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { MAX_DOCUMENT_BYTES, decode, encode, encodeBounded } from "../bson/codec";
import type { EncodedDocument } from "./record";
import type { Change } from "./change";

/*
 * The journal is a sequence of frames: length of the payload (uint32 LE), CRC-32 of the payload (uint32 LE), payload (one
 * change as BSON).
 */
const FRAME_HEAD = 8;
const MAX_PAYLOAD = MAX_DOCUMENT_BYTES + 1024;
/** What a change adds to its document, beside the namespace. */
const EMPTY_PUT = encode({ op: "put", ns: "", document: {} }).length - 5;
const CHUNK = 4 * 1024 * 1024;

/** Raised at start when the file is damaged before its end, where no crash of ours can have damaged it. */
export class JournalDamagedError extends Error {
  override readonly name = "JournalDamagedError";
}

/** The frame of a change. Throws MongoServerError BSONObjectTooLarge for a document over 16 MiB. */
export function frameOf(change: Change): Uint8Array[] {
  return framed(encodeBounded({ ...change }, EMPTY_PUT + Buffer.byteLength(change.ns)));
}

/** The frame of a put whose document is encoded already. */
export function frameOfEncoded(ns: string, document: Uint8Array): Uint8Array[] {
  const head = encode({ op: "put", ns }).subarray(0, -1);
  const name = Buffer.from("\x03document\0", "latin1");
  const payload = Buffer.concat([head, name, document, Buffer.alloc(1)]);
  payload.writeInt32LE(payload.length, 0);
  return framed(payload);
}

function framed(payload: Uint8Array): Uint8Array[] {
  const head = Buffer.allocUnsafe(FRAME_HEAD);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt32LE(crc32(payload), 4);
  return [head, payload];
}

/** Takes what the journal holds, in order. */
export interface FrameReader {
  /** A document that was put; its bytes stay as they are. */
  put(ns: string, document: EncodedDocument): void;
  change(change: Change): void;
  /** What a file of nothing but the present state would hold, about; asked for at the end. */
  liveBytes(): number;
}

/**
 * Reads frame after frame; returns where the last intact one ends.
 *
 * @throws JournalDamagedError when intact frames follow a damaged one.
 */
export function readFrames(descriptor: number, file: string, reader: FrameReader): number {
  const { size } = fstatSync(descriptor);
  let buffer = Buffer.alloc(0);
  let start = 0; // the offset in the file of buffer[0]
  let at = 0;
  const fill = (needed: number): boolean => {
    if (at + needed <= buffer.length) return true;
    const rest = buffer.subarray(at);
    const next = Buffer.allocUnsafe(Math.max(CHUNK, needed));
    rest.copy(next);
    let length = rest.length;
    while (length < next.length) {
      const read = readSync(descriptor, next, length, next.length - length, start + at + length);
      if (read === 0) break;
      length += read;
    }
    start += at;
    at = 0;
    buffer = next.subarray(0, length);
    return needed <= length;
  };
  while (fill(FRAME_HEAD)) {
    const length = buffer.readUInt32LE(at);
    const intact = isPlausible(length) && fill(FRAME_HEAD + length) && isIntact(buffer, at, length);
    if (!intact) {
      assertTornTail(descriptor, start + at, size, file);
      break;
    }
    readPayload(buffer, at + FRAME_HEAD, at + FRAME_HEAD + length, reader);
    at += FRAME_HEAD + length;
  }
  return start + at;
}

const isPlausible = (length: number): boolean => length >= 5 && length <= MAX_PAYLOAD;

function isIntact(buffer: Buffer, at: number, length: number): boolean {
  const payload = buffer.subarray(at + FRAME_HEAD, at + FRAME_HEAD + length);
  return payload.readUInt32LE(0) === length && crc32(payload) === buffer.readUInt32LE(at + 4);
}

/** What a put's payload begins with after its length, and what stands before its document. */
const PUT = Buffer.from(encode({ op: "put", ns: "" })).subarray(4, -6);
const DOCUMENT = Buffer.from("\x03document\0", "latin1");

function readPayload(buffer: Buffer, start: number, end: number, reader: FrameReader): void {
  const namespace = start + 4 + PUT.length;
  if (buffer.compare(PUT, 0, PUT.length, start + 4, namespace) === 0) {
    const nameEnd = namespace + 4 + buffer.readInt32LE(namespace);
    const document = nameEnd + DOCUMENT.length;
    if (buffer.compare(DOCUMENT, 0, DOCUMENT.length, nameEnd, document) === 0) {
      const ns = buffer.toString("utf8", namespace + 4, nameEnd - 1);
      reader.put(ns, { buffer, start: document, end: document + buffer.readInt32LE(document) });
      return;
    }
  }
  reader.change(decode(buffer.subarray(start, end)) as unknown as Change);
}

/** A crash tears the last frame. An intact frame after a damaged one means lost data, which must be reported. */
function assertTornTail(descriptor: number, from: number, size: number, file: string): void {
  const tail = Buffer.alloc(Math.min(size - from, 2 * MAX_PAYLOAD));
  readSync(descriptor, tail, 0, tail.length, from);
  for (let at = 1; at + FRAME_HEAD + 5 <= tail.length; at++) {
    const length = tail.readUInt32LE(at);
    // The payload is BSON and starts with its own length: these four bytes rule out nearly every wrong position.
    if (!isPlausible(length) || tail.readUInt32LE(at + FRAME_HEAD) !== length) continue;
    if (at + FRAME_HEAD + length <= tail.length && isIntact(tail, at, length)) {
      throw new JournalDamagedError(
        `${file} is damaged at byte ${from}, and intact data follows. Restore the file from a backup, or move its folder away to start empty.`,
      );
    }
  }
}
