import express, { type Request, type RequestHandler, type Response } from "express";
import { DomainError } from "../../core/errors";
import { parseStrictJson, type StrictJson } from "./strictJson";

/** Reads a request's body. */
export type BodyReader = (request: Request, response: Response) => Promise<unknown>;

/**
 * Makes the reader of JSON bodies (RFC 8259, UTF-8, uncompressed), which are taken as they are meant or refused.
 *
 * The reader returns undefined when the request has no body, and throws DomainError `request.malformed`,
 * `request.invalid` naming what would be read as something else, `request.too_large` or
 * `request.unsupported_media_type`.
 */
export function jsonBodyReader(limitBytes: number): BodyReader {
  const readBytes = rawBodyReader(limitBytes);
  return async (request, response) => {
    if (!hasBody(request)) return undefined;
    if (request.is("application/json") === false || !isUtf8(request)) throw unsupported(request.get("content-type"));
    const { value, problems } = parseJson(await readBytes(request, response));
    if (problems.length === 0) return value;
    const named = problems.map(({ field }) => field).join(", ");
    throw new DomainError("request.invalid", "invalid", `The body holds what cannot be taken as it is: see ${named}.`, {
      fields: problems,
    });
  };
}

function parseJson(bytes: Buffer): StrictJson {
  try {
    return parseStrictJson(bytes, "body");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Without the cause: the parser's own message quotes the body, which must not be logged.
    throw new DomainError("request.malformed", "invalid", "The body is not valid JSON in UTF-8: correct its syntax.");
  }
}

/** JSON is UTF-8 (RFC 8259 §8.1); a charset that says so is superfluous and harmless. */
function isUtf8(request: Request): boolean {
  const charset = /;\s*charset=\s*"?([^;"\s]*)/i.exec(request.get("content-type") ?? "")?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
}

/**
 * Makes the reader of bodies that are taken byte for byte, whatever their media type; the reader gives no bytes when the
 * request has no body. It throws DomainError `request.malformed`, `request.too_large` or
 * `request.unsupported_media_type`.
 */
export function rawBodyReader(limitBytes: number): (request: Request, response: Response) => Promise<Buffer> {
  // Compressed bodies are rejected: requests are small, and inflating is work a stranger could order.
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
      return unsupported(undefined);
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
