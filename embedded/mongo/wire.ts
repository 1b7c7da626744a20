import { MAX_MESSAGE_DEPTH, decode, encode } from "./bson/codec";
import { MAX_MESSAGE_BYTES } from "./commands/server";
import type { Doc } from "./bson/values";

/* MongoDB wire protocol: a header of four int32 (length, request id, response to, opcode), then the opcode's body. */
const HEADER = 16;
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;

/** Raised for bytes that are not the protocol, or a part of it that this server does not implement: the connection is ended. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** A request as it came over a connection. */
export interface Request {
  readonly id: number;
  readonly opcode: typeof OP_MSG | typeof OP_QUERY;
  /** Reads the command. Throws ProtocolError, MongoServerError Overflow (15), or bson's BSONError for a malformed one. */
  readonly readCommand: () => Doc;
  /** False for unacknowledged writes (`w: 0`). */
  readonly wantsReply: boolean;
}

/** Cuts a connection's stream into whole messages. */
export class Framer {
  private chunks: Buffer[] = [];
  private held = 0;

  /** Takes what arrived; gives every message that is complete. Throws ProtocolError for an impossible length. */
  *push(chunk: Buffer): Generator<Buffer> {
    this.chunks.push(chunk);
    this.held += chunk.length;
    while (this.held >= 4) {
      const length = this.peekLength();
      if (length < HEADER || length > MAX_MESSAGE_BYTES) throw new ProtocolError(`impossible message length ${length}`);
      if (this.held < length) return;
      const all = this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks, this.held);
      const rest = all.subarray(length);
      this.chunks = rest.length > 0 ? [rest] : [];
      this.held = rest.length;
      yield all.subarray(0, length);
    }
  }

  private peekLength(): number {
    const [first] = this.chunks;
    if (first && first.length >= 4) return first.readInt32LE(0);
    this.chunks = [Buffer.concat(this.chunks, this.held)];
    return (this.chunks[0] as Buffer).readInt32LE(0);
  }
}

/** Reads one message's head. Throws ProtocolError. */
export function parseMessage(message: Buffer): Request {
  const id = message.readInt32LE(4);
  const opcode = message.readInt32LE(12);
  if (opcode === OP_MSG) return parseMsg(id, message);
  if (opcode === OP_QUERY) return parseQuery(id, message);
  throw new ProtocolError(`unsupported opcode ${opcode}`);
}

function parseMsg(id: number, message: Buffer): Request {
  const flags = message.readUInt32LE(HEADER);
  return {
    id,
    opcode: OP_MSG,
    readCommand: () => readSections(message, flags),
    wantsReply: (flags & MORE_TO_COME) === 0,
  };
}

function readSections(message: Buffer, flags: number): Doc {
  const end = message.length - (flags & CHECKSUM_PRESENT ? 4 : 0);
  let command: Doc = {};
  const sequences: Doc = {};
  for (let at = HEADER + 4; at < end;) {
    if (at + 5 > end) throw new ProtocolError("a section runs past its message");
    const kind = message[at];
    const size = message.readInt32LE(at + 1);
    if (size < 5 || at + 1 + size > end) throw new ProtocolError("a section runs past its message");
    const section = message.subarray(at + 1, at + 1 + size);
    if (kind === 0) command = decode(section, MAX_MESSAGE_DEPTH);
    else if (kind === 1) readSequence(section, sequences);
    else throw new ProtocolError(`unsupported section kind ${kind}`);
    at += 1 + size;
  }
  return { ...command, ...sequences };
}

/** A document sequence: the documents of one array field of the command, outside of it. */
function readSequence(section: Buffer, sequences: Doc): void {
  const nameEnd = section.indexOf(0, 4);
  if (nameEnd < 0) throw new ProtocolError("a sequence has no name");
  const documents: Doc[] = [];
  for (let at = nameEnd + 1; at < section.length;) {
    const size = at + 4 <= section.length ? section.readInt32LE(at) : 0;
    if (size < 5 || at + size > section.length) throw new ProtocolError("a document runs past its sequence");
    documents.push(decode(section.subarray(at, at + size), MAX_MESSAGE_DEPTH));
    at += size;
  }
  sequences[section.toString("utf8", 4, nameEnd)] = documents;
}

/** The legacy opcode, in which drivers send their first hello. */
function parseQuery(id: number, message: Buffer): Request {
  const nameEnd = message.indexOf(0, HEADER + 4);
  const namespace = message.toString("utf8", HEADER + 4, nameEnd);
  if (!namespace.endsWith(".$cmd")) throw new ProtocolError("OP_QUERY is supported for commands only");
  const at = nameEnd + 9;
  if (nameEnd < 0 || at + 4 > message.length) throw new ProtocolError("the query runs past its message");
  const readCommand = (): Doc => {
    const command = decode(message.subarray(at, at + message.readInt32LE(at)), MAX_MESSAGE_DEPTH);
    return { ...command, $db: namespace.slice(0, -5) };
  };
  return { id, opcode: OP_QUERY, readCommand, wantsReply: true };
}

let lastId = 0;

/** A reply to a request, in the opcode it came with. */
export function formatReply(request: Request, reply: Doc | Uint8Array): Buffer[] {
  const body = reply instanceof Uint8Array ? reply : encode(reply);
  const isMsg = request.opcode === OP_MSG;
  const head = Buffer.alloc(isMsg ? HEADER + 5 : HEADER + 20);
  lastId = (lastId + 1) & 0x7fffffff;
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(lastId, 4);
  head.writeInt32LE(request.id, 8);
  head.writeInt32LE(isMsg ? OP_MSG : OP_REPLY, 12);
  // OP_REPLY: flags, cursor id, starting from, number returned; OP_MSG: flags and the section kind, all zero.
  if (!isMsg) head.writeInt32LE(1, HEADER + 16);
  return [head, Buffer.from(body.buffer, body.byteOffset, body.byteLength)];
}
