import { seal, unseal } from "../../../core/aead";
import { DomainError } from "../../../core/errors";
import type { KeyStore } from "../../../core/keys/keyStore";
import { once } from "../../../core/once";

/** The key store's name of the key that verifiers' credentials are sealed with. */
const SEALING_KEY = "oauth-verifier-credentials";

/** Encrypts what must be read again, but by nobody who only has the database. */
export interface Sealer {
  /** @param context what the text belongs to; it opens nowhere else */
  seal(text: string, context: string): Promise<string>;
  /** @throws DomainError `oauth.unreadable_credentials` when it was sealed with another key or context */
  open(sealed: string, context: string): Promise<string>;
}

/**
 * The context of a client's verifier credentials. It holds the verifier's address: whoever can write the database must
 * not have the credentials sent elsewhere.
 */
export function credentialsContext({ clientId, verifierUrl }: { clientId: string; verifierUrl: string }): string {
  return JSON.stringify(["verifier credentials", clientId, verifierUrl]);
}

/**
 * Creates a sealer (core/aead.ts).
 *
 * @param key gives the 32 bytes; asked for once, when first needed
 */
export function createSealer(key: () => Promise<Uint8Array>): Sealer {
  const load = once(key);
  return {
    seal: async (text, context) => seal(await load(), text, context),
    async open(sealed, context) {
      const sealingKey = await load();
      try {
        return unseal(sealingKey, sealed, context).toString("utf8");
      } catch (error) {
        throw new DomainError(
          "oauth.unreadable_credentials",
          "conflict",
          "The verifier's credentials were sealed with another key or for another address: register the client again.",
          { cause: error },
        );
      }
    },
  };
}

/** Creates the sealer of verifiers' credentials; its key is derived from one of the key store. */
export function createCredentialsSealer(keys: Pick<KeyStore, "create" | "sign">): Sealer {
  return createSealer(async () => {
    const { keyId } = await keys.create("HS256", SEALING_KEY);
    return keys.sign(keyId, Buffer.from("sealing key"));
  });
}
