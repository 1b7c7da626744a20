import express, { type Request, type RequestHandler, type Response } from "express";
import { DomainError } from "../../core/errors";

/** Reads a request's body. */
export type BodyReader = (request: Request, response: Response) => Promise<unknown>;

/**
 * Makes the reader of JSON bodies (RFC 8259, UTF-8, uncompressed).
 *
 * The reader returns undefined when the request has no body, and throws DomainError `request.malformed`,
 * `request.too_large` or `request.unsupported_media_type`.
 */
export function jsonBodyReader(limitBytes: number): BodyReader {
  // Compressed bodies are rejected: requests are small, and inflating is work a stranger could order.
  const parser = express.json({ limit: limitBytes, strict: false, inflate: false, type: () => true });
  return async (request, response) => {
    if (!hasBody(request)) return undefined;
    if (request.is("application/json") === false) throw unsupported(request.get("content-type"));
    await run(parser, request, response, limitBytes);
    return request.body as unknown;
  };
}

/**
 * Makes the reader of bodies that are taken byte for byte, whatever their media type; the reader gives no bytes when the
 * request has no body. It throws as the reader of JSON does.
 */
export function rawBodyReader(limitBytes: number): (request: Request, response: Response) => Promise<Buffer> {
  const parser = express.raw({ limit: limitBytes, inflate: false, type: () => true });
  return async (request, response) => {
    if (!hasBody(request)) return Buffer.alloc(0);
    await run(parser, request, response, limitBytes);
    return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  };
}

function hasBody(request: Request): boolean {
  return request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
}

function run(parser: RequestHandler, request: Request, response: Response, limitBytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (error?: unknown) => {
      if (error === undefined) resolve();
      else reject(rejectionOf(error, limitBytes));
    };
    void parser(request, response, next);
  });
}

function rejectionOf(error: unknown, limitBytes: number): Error {
  const cause = error instanceof Error ? error : new Error(String(error));
  switch ((cause as { type?: unknown }).type) {
    case "entity.too.large":
      return new DomainError(
        "request.too_large",
        "too_large",
        `The body is larger than ${limitBytes} bytes: send less.`,
        {
          details: { maxBytes: limitBytes },
        },
      );
    case "encoding.unsupported":
    case "charset.unsupported":
      return unsupported(undefined);
    // The parser's own error carries the body; it must not become a cause that is logged.
    case "entity.parse.failed":
      return new DomainError("request.malformed", "invalid", "The body is not valid JSON: correct its syntax.");
    case "request.aborted":
    case "request.size.invalid":
      return new DomainError("request.malformed", "invalid", "The body ended before its announced length.");
    default:
      return cause;
  }
}

function unsupported(given: string | undefined): DomainError {
  const what = given === undefined ? "A body in this encoding" : "A body of this media type";
  return new DomainError(
    "request.unsupported_media_type",
    "unsupported_media_type",
    `${what} is not understood: send uncompressed UTF-8 JSON as application/json.`,
  );
}
