import { DomainError, TransientError } from "../../../core/errors";
import type { Reply, RequestContext } from "../../http/endpoint";
import { statusOfKind } from "../../http/problem";

/** Errors of the token endpoint (OpenID4VCI 1.0 §6.3), the credential endpoint (§8.3.1, RFC 6750 §3.1) and the notification endpoint (§11.3). */
export type IssuanceErrorCode =
  | "invalid_request"
  | "invalid_grant"
  | "unsupported_grant_type"
  | "invalid_token"
  | "invalid_credential_request"
  | "unknown_credential_configuration"
  | "unknown_credential_identifier"
  | "invalid_proof"
  | "invalid_nonce"
  | "invalid_encryption_parameters"
  | "credential_request_denied"
  | "invalid_notification_id"
  | "invalid_notification_request";

const PREFIX = "openid4vci.";

/** An error that wallets are told by its name in the standard; its code is `openid4vci.<error>`. */
export function issuanceError(error: IssuanceErrorCode, message: string, cause?: unknown): DomainError {
  const kind = error === "invalid_token" ? "unauthenticated" : "invalid";
  return new DomainError(`${PREFIX}${error}`, kind, message, cause === undefined ? {} : { cause });
}

/** Answers a wallet's error as the standard has it; everything else stays problem details. */
export function issuanceErrorReply(error: unknown, { header }: Pick<RequestContext, "header">): Reply | undefined {
  if (error instanceof TransientError) {
    return errorReply(503, "temporarily_unavailable", error.message, { "retry-after": "2" });
  }
  if (!(error instanceof DomainError) || !error.code.startsWith(PREFIX)) return undefined;
  const name = error.code.slice(PREFIX.length);
  // RFC 6750 §3.1: a request without a token is answered with the scheme alone.
  const challenge = `Bearer realm="cairn"${header("authorization") === undefined ? "" : ', error="invalid_token"'}`;
  const headers = name === "invalid_token" ? { "www-authenticate": challenge } : {};
  return errorReply(statusOfKind(error.kind), name, error.message, headers);
}

function errorReply(status: number, error: string, message: string, headers: Record<string, string>): Reply {
  // RFC 6749 §5.2 allows printable ASCII without `"` and `\`.
  const description = message.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
  return {
    status,
    headers: { "cache-control": "no-store", ...headers },
    body: { error, error_description: description },
  };
}
