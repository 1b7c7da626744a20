import { once } from "../once";
import type { KeyStore } from "./keyStore";

/**
 * Turns a value into what it is looked up by where the value itself is encrypted: equal values of one purpose have equal
 * indexes, and nobody without the key can test a guess.
 *
 * @param purpose for instance `users.email`: one value has unrelated indexes for two purposes
 * @param value in the one form under which it is looked up
 * @returns HMAC-SHA-256 (RFC 2104) as 43 characters base64url
 */
export type BlindIndex = (purpose: string, value: string) => Promise<string>;

/** The key store's name of the key. It stays the same when data keys are rotated: nothing can be decrypted with it. */
const INDEX_KEY = "blind-index";

/** Creates the index; its key is made when first needed, and never leaves the key store. */
export function createBlindIndex(keys: Pick<KeyStore, "create" | "sign">): BlindIndex {
  const makeKey = once(() => keys.create("HS256", INDEX_KEY));
  return async (purpose, value) => {
    await makeKey();
    const digest = await keys.sign(INDEX_KEY, Buffer.from(JSON.stringify([purpose, value])));
    return Buffer.from(digest).toString("base64url");
  };
}
