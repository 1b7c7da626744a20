import { createCipheriv, createDecipheriv } from "node:crypto";
import { randomToken } from "../../core/crypto";
import { DomainError } from "../../core/errors";

/** Keeps what must be read again, but by nobody who only has the database. */
export interface Sealer {
  seal(text: string): Promise<string>;
  /** @throws DomainError `oauth.unreadable_credentials` when it was sealed with another key */
  open(sealed: string): Promise<string>;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Makes a sealer: AES-256-GCM.
 *
 * @param key gives the 32 bytes; asked for once, when first needed
 */
export function createSealer(key: () => Promise<Uint8Array>): Sealer {
  let loaded: Promise<Uint8Array> | undefined;
  async function load(): Promise<Uint8Array> {
    loaded ??= key();
    try {
      return await loaded;
    } catch (error) {
      loaded = undefined;
      throw error;
    }
  }
  return {
    async seal(text) {
      const iv = Buffer.from(randomToken(), "base64url").subarray(0, IV_BYTES);
      const cipher = createCipheriv("aes-256-gcm", await load(), iv);
      return Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString(
        "base64url",
      );
    },
    async open(sealed) {
      const bytes = Buffer.from(sealed, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", await load(), bytes.subarray(0, IV_BYTES));
      try {
        decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
        const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
        return Buffer.concat([text, decipher.final()]).toString("utf8");
      } catch (error) {
        throw new DomainError(
          "oauth.unreadable_credentials",
          "conflict",
          "The verifier's credentials were sealed with another key: register the client again.",
          { cause: error },
        );
      }
    },
  };
}
