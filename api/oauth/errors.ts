import { DomainError } from "../../core/errors";

/** Errors of RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1 and RFC 9126 §2.3. */
export type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "invalid_token"
  | "unsupported_grant_type"
  | "unsupported_response_type"
  | "request_not_supported"
  | "temporarily_unavailable";

/** An error of the OAuth standards; its code is `oauth.<error>`. */
export function oauthError(error: OAuthErrorCode, message: string): DomainError {
  const kind = error === "invalid_client" || error === "invalid_token" ? "unauthenticated" : "invalid";
  return new DomainError(`oauth.${error}`, kind, message);
}

/** The client of a request does not exist. */
export function unknownClient(): DomainError {
  return new DomainError("oauth.unknown_client", "not_found", "There is no such client here.");
}

/** The session does not exist, or is another browser's: which of the two is not said. */
export function unknownSession(): DomainError {
  return new DomainError("oauth.unknown_session", "not_found", "There is no such verification for this browser.");
}
