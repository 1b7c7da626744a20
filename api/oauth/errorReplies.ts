import { DomainError, TransientError } from "../../core/errors";
import type { Reply, RequestContext } from "../http/endpoint";
import { pageErrorReply, retryHeaders, unforeseen } from "../http/pageErrors";
import { statusOfKind } from "../http/problem";
import { assetPath } from "./page/paths";

/**
 * Answers an error as RFC 6749 §5.2 has it: `error` and `error_description`. An unforeseen error is named only by the
 * request's id, under which it is logged.
 */
export function oauthErrorReply(error: unknown, context: RequestContext): Reply {
  if (error instanceof TransientError)
    return errorReply(503, "temporarily_unavailable", error.message, { "retry-after": "2" });
  if (!(error instanceof DomainError)) return errorReply(500, "server_error", unforeseen(context), {});
  const [, oauthCode] = /^oauth\.(.+)$/.exec(error.code) ?? [];
  const status = statusOfKind(error.kind);
  const headers = retryHeaders(error);
  // RFC 6749 §5.2 names the scheme to callers that sent an Authorization header; RFC 9110 §15.5.2 to all others.
  if (oauthCode === "invalid_client") headers["www-authenticate"] = 'Basic realm="cairn", charset="UTF-8"';
  if (oauthCode === "invalid_token")
    headers["www-authenticate"] = bearerChallenge(context.header("authorization") !== undefined);
  const code = oauthCode ?? (status === 429 ? "temporarily_unavailable" : "invalid_request");
  return errorReply(status, code, error.message, headers);
}

/** {@link oauthErrorReply} of an operation to which a client brings its secret as bearer token: a 401 offers that. */
export function bearerSecretErrorReply(error: unknown, context: RequestContext): Reply {
  const reply = oauthErrorReply(error, context);
  if (reply.status !== 401) return reply;
  return { ...reply, headers: { ...reply.headers, "www-authenticate": bearerChallenge(false) } };
}

/** RFC 6750 §3: a request without a token is answered with the scheme alone. */
function bearerChallenge(hadToken: boolean): string {
  return hadToken ? 'Bearer realm="cairn", error="invalid_token"' : 'Bearer realm="cairn"';
}

function errorReply(status: number, error: string, description: string, headers: Record<string, string>): Reply {
  // RFC 6749 §5.2 allows printable ASCII without `"` and `\`.
  const text = description.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
  return { status, headers: { ...headers, pragma: "no-cache" }, body: { error, error_description: text } };
}

/** Answers an error with a page, for a browser that cannot be redirected. */
export const oauthPageErrorReply = pageErrorReply(assetPath("page.css"));
