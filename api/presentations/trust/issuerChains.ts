import type { X509Certificate } from "node:crypto";
import { sha256Hex } from "../../../core/hash";
import type { Json } from "../../../core/json";
import { createLruCache } from "../../../core/lruCache";
import { type IssuerChain, readIssuerChain } from "../certificates/issuerChain";

/** Chains that are held: an issuer's credentials all bring the same one. */
const MAX_CHAINS = 500;

/**
 * Reads issuers' certificates, each chain once: parsing and following one costs more than both signatures of a
 * presentation.
 *
 * @param anchors certificates that the relying party trusts; the same as long as the process runs
 */
export function createIssuerChains(
  anchors: () => Promise<readonly X509Certificate[]>,
): (x5c: Json) => Promise<IssuerChain> {
  const held = createLruCache<IssuerChain>(MAX_CHAINS);
  return async (x5c) => {
    const name = sha256Hex(JSON.stringify(x5c));
    const known = held.get(name);
    if (known !== undefined) return known;
    const chain = readIssuerChain(x5c, await anchors());
    held.set(name, chain);
    return chain;
  };
}
