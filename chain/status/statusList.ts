import { deflateSync } from "node:zlib";

/** How many bits of a Token Status List one credential has: enough for the three statuses (§7.1). */
export const BITS_PER_STATUS = 2;

/** Status types (draft-ietf-oauth-status-list §7.1). */
const INVALID = 0b01;
const SUSPENDED = 0b10;

/**
 * The statuses of credentials as a Token Status List has them (draft-ietf-oauth-status-list §4.1): two bits each, the
 * first credential in the least significant bits of the first byte. Revocation is final and outranks suspension.
 *
 * @param bitstrings the same credentials' bits, the first in the most significant bit, as the chain has them
 */
export function statusBytes({ revoked, suspended }: { revoked: Uint8Array; suspended: Uint8Array }): Uint8Array {
  const bytes = new Uint8Array(revoked.length * BITS_PER_STATUS);
  revoked.forEach((revocations, place) => {
    const suspensions = suspended[place] ?? 0;
    if ((revocations | suspensions) === 0) return;
    for (let bit = 0; bit < 8; bit += 1) {
      const mask = 0x80 >> bit;
      const status = (revocations & mask) !== 0 ? INVALID : (suspensions & mask) !== 0 ? SUSPENDED : 0;
      const at = place * BITS_PER_STATUS + (bit >> 2);
      bytes[at] = (bytes[at] ?? 0) | (status << ((bit & 3) * BITS_PER_STATUS));
    }
  });
  return bytes;
}

/** Statuses as `lst` of a Token Status List (§4.2): ZLIB (RFC 1950), base64url. */
export function encodeStatusList(bytes: Uint8Array): string {
  return deflateSync(bytes, { level: 9 }).toString("base64url");
}
