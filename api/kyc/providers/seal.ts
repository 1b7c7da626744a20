import * as aead from "../../../core/aead";

const PURPOSE = "cairn kyc seal";

/**
 * Seals a text under a key derived from a secret, so that it may be stored: a leaked database does not open it.
 *
 * @param context what the text belongs to; it opens nowhere else
 */
export function seal(text: string, secret: string, context: string): string {
  return aead.seal(aead.deriveKey(secret, PURPOSE), text, context);
}

/** Opens what {@link seal} sealed with one of the secrets; undefined when none fits. */
export function unseal(sealed: string, secrets: string[], context: string): string | undefined {
  for (const secret of secrets) {
    try {
      return aead.unseal(aead.deriveKey(secret, PURPOSE), sealed, context).toString("utf8");
    } catch (error) {
      // The next secret may fit: two are active while one replaces the other.
      if (!(error instanceof aead.UnsealError)) throw error;
    }
  }
  return undefined;
}
