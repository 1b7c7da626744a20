import type { KeyStore } from "../../../core/keys/keyStore";
import { once } from "../../../core/once";

/** Six digits. */
const CODES = 1_000_000n;

/** The key store's name of the key that codes follow from. */
const CODE_KEY = "email-codes";

/**
 * The code of a challenge: six digits that whoever has the key can compute, and nobody else. So they are stored nowhere:
 * the worker computes them to mail them, the API to compare them.
 */
export type CodeOf = (challengeId: string) => Promise<string>;

/** Creates the computation; its key is made when first needed, and never leaves the key store. */
export function createCodes(keys: Pick<KeyStore, "create" | "sign">): CodeOf {
  const makeKey = once(() => keys.create("HS256", CODE_KEY));
  return async (challengeId) => {
    await makeKey();
    const digest = await keys.sign(CODE_KEY, Buffer.from(challengeId));
    // Of 256 bits: no code is likelier than another by more than one in 2^236.
    return String(BigInt(`0x${Buffer.from(digest).toString("hex")}`) % CODES).padStart(6, "0");
  };
}
