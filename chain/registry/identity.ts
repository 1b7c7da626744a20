import type { Chain } from "../client";
import { answered } from "./answered";

/** What the DIDRegistry says of an identity now. */
export interface IdentityOnChain {
  registered: boolean;
  /** The nonce that the identity's next signature must carry. */
  nonce: number;
  /** SHA-256 of the hosted DID document, `0x` and 64 hexadecimal digits; zero when none was given. */
  documentHash: string;
}

/**
 * Reads an identity (`resolveDID`).
 *
 * @throws TransientError `rpc.unreachable`, `rpc.failed`
 */
export async function readIdentity(chain: Pick<Chain, "didRegistry">, address: string): Promise<IdentityOnChain> {
  const { version, nonce, documentHash } = await answered(chain.didRegistry.resolveDID(address));
  return { registered: version > 0n, nonce: Number(nonce), documentHash };
}

/**
 * The nonce that an identity's next signature must carry.
 *
 * @throws TransientError `rpc.unreachable`, `rpc.failed`
 */
export function readNonce(chain: Pick<Chain, "didRegistry">, address: string): Promise<bigint> {
  return answered(chain.didRegistry.nonceOf(address));
}
