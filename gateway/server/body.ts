import type { IncomingMessage } from "node:http";
import { DomainError } from "../../core/errors";
import { type Json, parseJson } from "../../core/json";

/** A JSON body as it was sent, and what it says. */
export interface JsonBody {
  bytes: Buffer;
  value: Json;
}

/**
 * Reads a JSON body (RFC 8259, UTF-8, uncompressed).
 *
 * @throws DomainError `request.unsupported_media_type`, `request.too_large` or `request.malformed`
 */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<JsonBody> {
  const type = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json" || request.headers["content-encoding"] !== undefined) {
    const message = "The body is not application/json without compression: send it as such.";
    throw new DomainError("request.unsupported_media_type", "unsupported_media_type", message);
  }
  const bytes = await readBytes(request, maxBytes);
  try {
    return { bytes, value: parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
  } catch {
    // Without the cause: the parser's own message quotes the body, which must not be logged.
    throw new DomainError("request.malformed", "invalid", "The body is not valid JSON in UTF-8: correct its syntax.");
  }
}

async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) {
      const message = `The body is larger than ${maxBytes} bytes.`;
      throw new DomainError("request.too_large", "too_large", message, { details: { maxBytes } });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
