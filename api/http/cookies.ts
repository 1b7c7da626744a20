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

/**
 * A `Set-Cookie` value (RFC 6265bis §4.1) for a secret that only the browser holds: HttpOnly, Secure, SameSite=Lax, for
 * the whole site, until the browser is closed.
 *
 * @param value without `;`, commas or spaces, as tokens are; undefined removes the cookie
 */
export function secretCookie(name: string, value: string | undefined): string {
  const pair = value === undefined ? `${name}=; Max-Age=0` : `${name}=${value}`;
  return `${pair}; Path=/; HttpOnly; Secure; SameSite=Lax`;
}
