import { type DerElement, readElements, TAG } from "./der";

/** OIDs of extensions (RFC 5280 §4.2.1), the content of their DER. */
const AUTHORITY_KEY_IDENTIFIER = Buffer.from([0x55, 0x1d, 0x23]);
/** Context-specific tags: extensions in a certificate, keyIdentifier in the extension. */
const EXTENSIONS = 0xa3;
const KEY_IDENTIFIER = 0x80;

/**
 * The key identifier of the authority that issued a certificate (RFC 5280 §4.2.1.1).
 *
 * @param der of a certificate that was parsed before
 * @returns base64url, as DCQL's `aki` has it (OpenID4VP 1.0 §6.1.1.1); undefined when there is none
 */
export function authorityKeyIdOf(der: Buffer): string | undefined {
  const [certificate] = readElements(der);
  const [body] = childrenOf(certificate);
  const holder = childrenOf(body).find(({ tag }) => tag === EXTENSIONS);
  const [list] = childrenOf(holder);
  for (const extension of childrenOf(list)) {
    const parts = childrenOf(extension);
    if (parts[0]?.content.equals(AUTHORITY_KEY_IDENTIFIER) !== true) continue;
    const value = parts.find(({ tag }) => tag === TAG.octetString);
    const [identifier] = value === undefined ? [] : readElements(value.content);
    const keyId = childrenOf(identifier).find(({ tag }) => tag === KEY_IDENTIFIER);
    return keyId?.content.toString("base64url");
  }
  return undefined;
}

function childrenOf(element: DerElement | undefined): DerElement[] {
  return element === undefined ? [] : readElements(element.content);
}
