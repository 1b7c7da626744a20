import type { BlindIndex } from "../../../core/keys/blindIndex";

/**
 * The response code of an answered request (OpenID4VP 1.0 §8.2): 256 bits that follow from the response by a key of this
 * installation, so that a wallet whose answer was lost gets the same one again; only its hash is stored.
 */
export function responseCodeOf(
  { blindIndex }: { blindIndex: BlindIndex },
  { requestId }: { requestId: string },
  submissionHash: string,
): Promise<string> {
  return blindIndex("presentations.responseCode", `${requestId}.${submissionHash}`);
}

/** The return URL with the response code in its query; null when there is none to return to. */
export function withResponseCode(redirectUri: string | null, code: string | null): string | null {
  if (redirectUri === null || code === null) return null;
  const separator = redirectUri.includes("?") ? "&" : "?";
  return `${redirectUri}${separator}response_code=${code}`;
}
