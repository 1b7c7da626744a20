/** The browser's session cookie. The prefix makes browsers insist on Secure, `Path=/` and no Domain (RFC 6265bis §4.1.3.2). */
export const SESSION_COOKIE = "__Host-cairn-session";

/**
 * The value of a cookie in a `Cookie` header (RFC 6265 §5.4); undefined when it is absent. Of several with one name the
 * first counts.
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(";") ?? []) {
    const split = pair.indexOf("=");
    if (split > 0 && pair.slice(0, split).trim() === name) return pair.slice(split + 1).trim();
  }
  return undefined;
}
