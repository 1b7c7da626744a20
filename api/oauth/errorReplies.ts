import { DomainError, type ErrorKind, TransientError } from "../../core/errors";
import type { Reply, RequestContext } from "../http/endpoint";
import { statusOfKind } from "../http/problem";
import { ERROR_PAGE_HEADERS, renderErrorPage } from "./page/page";

/**
 * An error in the words of RFC 6749 §5.2: `error` and `error_description`. Of what nobody foresaw it says no more than
 * the request's id, under which it is logged.
 */
export function oauthErrorReply(error: unknown, context: RequestContext): Reply {
  if (error instanceof TransientError)
    return reply(503, "temporarily_unavailable", error.message, { "retry-after": "2" });
  if (!(error instanceof DomainError)) return reply(500, "server_error", unforeseen(context), {});
  const [, word] = /^oauth\.(.+)$/.exec(error.code) ?? [];
  const status = statusOfKind(error.kind);
  const headers: Record<string, string> = {};
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.ceil(error.retryAfterSeconds));
  // RFC 6749 §5.2: whoever tried the Authorization header is told the scheme; others are, for RFC 9110 §15.5.2.
  if (word === "invalid_client") headers["www-authenticate"] = 'Basic realm="cairn", charset="UTF-8"';
  if (word === "invalid_token")
    headers["www-authenticate"] = bearerChallenge(context.header("authorization") !== undefined);
  return reply(
    status,
    word ?? (status === 429 ? "temporarily_unavailable" : "invalid_request"),
    error.message,
    headers,
  );
}

/** RFC 6750 §3: a request without any token is told the scheme alone. */
function bearerChallenge(tried: boolean): string {
  return tried ? 'Bearer realm="cairn", error="invalid_token"' : 'Bearer realm="cairn"';
}

function reply(status: number, error: string, description: string, headers: Record<string, string>): Reply {
  // RFC 6749 §5.2 allows printable ASCII without `"` and `\`.
  const text = description.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
  return { status, headers: { ...headers, pragma: "no-cache" }, body: { error, error_description: text } };
}

/** An error as a page, for a browser that cannot be sent on. It shows nothing of what the browser brought. */
export function pageErrorReply(error: unknown, context: RequestContext): Reply {
  const headers: Record<string, string> = { ...ERROR_PAGE_HEADERS };
  const page = (status: number, message: string, mend = "") => ({
    ...{ status, headers },
    body: renderErrorPage({ message, mend, requestId: context.requestId }),
  });
  if (error instanceof TransientError) {
    headers["retry-after"] = "2";
    return page(503, error.message, "Try again in a moment.");
  }
  if (!(error instanceof DomainError)) return page(500, unforeseen(context));
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.ceil(error.retryAfterSeconds));
  return page(statusOfKind(error.kind), error.message, MENDS[error.kind]);
}

/** What a person can do, where the message speaks to the site's developers. */
const MENDS: Partial<Record<ErrorKind, string>> = {
  invalid: "The site that sent you here made a mistake. Go back to it and begin again; if that does not help, tell it.",
  not_found: "Go back to the site you came from and begin again.",
};

function unforeseen({ requestId }: RequestContext): string {
  return `Something went wrong on our side. Report request ${requestId} if it happens again.`;
}
