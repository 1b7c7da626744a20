/** What a wallet may answer instead of a presentation (OpenID4VP 1.0 §8.5, RFC 6749 §4.1.2.1). */
const WALLET_ERRORS = [
  "access_denied",
  "invalid_request",
  "invalid_client",
  "invalid_scope",
  "vp_formats_not_supported",
  "invalid_request_uri_method",
  "invalid_transaction_data",
  "wallet_unavailable",
];

/** The error that a wallet answered with; null when it answered with none. Errors of its own are all `other`. */
export function walletErrorOf(error: unknown): string | null {
  if (error === undefined) return null;
  return typeof error === "string" && WALLET_ERRORS.includes(error) ? error : "other";
}
