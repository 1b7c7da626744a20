import { STATUS_CODES } from "node:http";
import type { Response } from "express";
import { DomainError, type ErrorKind, type FieldError, TransientError } from "../../core/errors";
import { asUnavailable } from "./unavailable";

/** The one place where the domain's kinds of rejection become HTTP statuses (RFC 9110 §15). */
const STATUS_OF_KIND: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  not_acceptable: 406,
  conflict: 409,
  gone: 410,
  too_large: 413,
  unsupported_media_type: 415,
  too_many: 429,
  not_implemented: 501,
};

const TRANSIENT_RETRY_SECONDS = 2;

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** Problem details (RFC 9457) with Cairn's members: a stable `code`, the request's id and the invalid fields. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  errors?: FieldError[];
  [detail: string]: unknown;
}

/** A thrown error as it goes out. */
export interface ProblemReply {
  problem: Problem;
  headers: Record<string, string>;
  /** True when nobody foresaw this error: it is an error of ours and must be logged whole. */
  unforeseen: boolean;
}

/** The HTTP status of a kind of rejection. */
export function statusOfKind(kind: ErrorKind): number {
  return STATUS_OF_KIND[kind];
}

/** Where a code is explained to people and machines: the `type` of its problem. */
export function problemType(publicUrl: string, code: string): string {
  return `${publicUrl}/problems/${code}`;
}

/**
 * Turns whatever was thrown into problem details. Domain errors show their message; anything unforeseen shows nothing
 * but the request's id.
 */
export function problemOf(thrown: unknown, options: { requestId: string; publicUrl: string }): ProblemReply {
  const error = asUnavailable(thrown) ?? thrown;
  if (error instanceof DomainError) return rejectionProblem(error, options);
  if (error instanceof TransientError) {
    const detail = `${error.message} Try again in a moment.`;
    return {
      problem: plainProblem(503, error.code, detail, options),
      headers: { "retry-after": String(TRANSIENT_RETRY_SECONDS) },
      unforeseen: false,
    };
  }
  const detail = `Something went wrong on our side. Report request ${options.requestId} if it happens again.`;
  return { problem: plainProblem(500, "internal.error", detail, options), headers: {}, unforeseen: true };
}

function rejectionProblem(error: DomainError, options: { requestId: string; publicUrl: string }): ProblemReply {
  const status = STATUS_OF_KIND[error.kind];
  const headers: Record<string, string> = {};
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.ceil(error.retryAfterSeconds));
  // RFC 9110 §11.6.1: a 401 names the way to authenticate.
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="cairn"';
  const body = { ...error.details, ...plainProblem(status, error.code, error.message, options) };
  if (error.fields.length > 0) body.errors = error.fields;
  return { problem: body, headers, unforeseen: false };
}

/** Problem details of something that is no error of the domain, such as a path that does not exist. */
export function plainProblem(
  status: number,
  code: string,
  detail: string,
  { requestId, publicUrl }: { requestId: string; publicUrl: string },
): Problem {
  return {
    type: problemType(publicUrl, code),
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    code,
    requestId,
  };
}

/** Sends problem details with their media type. */
export function sendProblem(response: Response, problem: Problem): void {
  response.status(problem.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(problem));
}
