import type { KeyStore } from "./keyStore";
import { sha256Hex } from "../hash";

/** The algorithms Cairn signs tokens with (RFC 7518, RFC 8037). */
export type JwsAlgorithm = "EdDSA" | "ES256";

/** How a JWS names its algorithm, its type and its key: by an id, or by a chain of certificates (base64 DER). */
export type JwsHeader = { alg: JwsAlgorithm; typ: string; cty?: string } & ({ kid: string } | { x5c: string[] });

/**
 * Makes a compact JWS (RFC 7515 §3.1) with a key of the store.
 *
 * @param header completed by nothing
 */
export async function signCompact(
  keys: Pick<KeyStore, "sign">,
  keyId: string,
  header: JwsHeader,
  payload: object,
): Promise<string> {
  const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`;
  const signature = await keys.sign(keyId, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString("base64url")}`;
}

/** The thumbprint of a public key (RFC 7638, SHA-256), base64url: a name that follows from the key itself. */
export function thumbprintOf({ crv, kty, x, y }: { crv: string; kty: string; x: string; y?: string }): string {
  // RFC 7638 §3.2: the required members alone, in lexicographic order.
  const members = y === undefined ? { crv, kty, x } : { crv, kty, x, y };
  return Buffer.from(sha256Hex(JSON.stringify(members)), "hex").toString("base64url");
}

function base64url(text: string): string {
  return Buffer.from(text, "utf8").toString("base64url");
}
