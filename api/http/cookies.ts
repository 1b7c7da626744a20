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
