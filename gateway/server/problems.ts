import { STATUS_CODES, type ServerResponse } from "node:http";
import { DomainError, type ErrorKind, TransientError } from "../../core/errors";

/** The kinds of rejection that the gateway's own HTTP endpoints know (RFC 9110 §15). */
const STATUS_OF_KIND: Partial<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unsupported_media_type: 415,
  too_many: 429,
};

const TRANSIENT_RETRY_SECONDS = 2;

/** Problem details (RFC 9457) and the headers that go with them. */
export interface ProblemReply {
  status: number;
  headers: Record<string, string>;
  body: Record<string, unknown>;
  /** An error of ours, which must be logged whole. */
  unforeseen: boolean;
}

/**
 * Turns whatever was thrown into problem details, of the form that the API answers with. What nobody foresaw shows
 * nothing but the request's id.
 */
export function problemReplyOf(thrown: unknown, options: { requestId: string; publicUrl: string }): ProblemReply {
  if (thrown instanceof DomainError) {
    const status = STATUS_OF_KIND[thrown.kind] ?? 400;
    const headers: Record<string, string> = {};
    if (thrown.retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.ceil(thrown.retryAfterSeconds));
    const reply = problemOf(status, thrown.code, thrown.message, options);
    const body = { ...thrown.details, ...reply.body };
    if (thrown.fields.length > 0) body["errors"] = thrown.fields;
    return { ...reply, headers, body };
  }
  if (thrown instanceof TransientError) {
    const headers = { "retry-after": String(TRANSIENT_RETRY_SECONDS) };
    const detail = `${thrown.message} Try again in a moment.`;
    return { ...problemOf(503, thrown.code, detail, options), headers };
  }
  const detail = `Something went wrong on our side. Report request ${options.requestId} if it happens again.`;
  return { ...problemOf(500, "internal.error", detail, options), unforeseen: true };
}

/** Sends problem details; whoever was answered in part already is cut off. */
export function sendProblem(response: ServerResponse, { status, headers, body }: ProblemReply): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { ...headers, "content-type": "application/problem+json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

/** Problem details of something that is no error of the domain, such as a method that a path does not take. */
export function problemOf(
  status: number,
  code: string,
  detail: string,
  { requestId, publicUrl }: { requestId: string; publicUrl: string },
): ProblemReply {
  const title = STATUS_CODES[status] ?? "Error";
  const body = { type: `${publicUrl}/problems/${code}`, title, status, detail, code, requestId };
  return { status, headers: {}, body, unforeseen: false };
}
