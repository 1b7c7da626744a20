import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { randomToken } from "../../../core/crypto";

const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals a text with AES-256-GCM under a key derived from a secret (HKDF-SHA256, RFC 5869), so that it may be stored:
 * whoever steals the database cannot open it.
 *
 * @param context what the text belongs to; it opens nowhere else
 */
export function seal(text: string, secret: string, context: string): string {
  const iv = Buffer.from(randomToken(), "base64url").subarray(0, IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", keyOf(secret), iv).setAAD(Buffer.from(context));
  return Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64url");
}

/** Opens what {@link seal} sealed with one of the secrets; undefined when none fits. */
export function unseal(sealed: string, secrets: string[], context: string): string | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
  for (const secret of secrets) {
    try {
      const decipher = createDecipheriv("aes-256-gcm", keyOf(secret), bytes.subarray(0, IV_BYTES))
        .setAAD(Buffer.from(context))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString("utf8");
    } catch {
      // Sealed with another secret, or tampered with: the next one may fit.
    }
  }
  return undefined;
}

function keyOf(secret: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", "cairn kyc seal", 32));
}
