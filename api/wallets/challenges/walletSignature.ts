import { hashMessage } from "ethers";
import { DomainError } from "../../../core/errors";
import { recoverAddress } from "../../../chain/signature";
import type { Chain } from "../../../chain/client";
import { approvesSignature } from "../../../chain/registry/contractWallet";

/** The digest a text is signed under (EIP-191, version 0x45), `0x` and 64 hexadecimal digits. */
export function messageDigest(message: string): string {
  return hashMessage(message);
}

/**
 * Verifies that a wallet signed a digest: by its key, or else as a contract by ERC-1271. The key is tried first, so that
 * the common case asks nothing of the chain.
 *
 * @returns how the wallet signs
 * @throws DomainError `signature.malformed` or `wallet.signature_mismatch`
 * @throws TransientError when a contract would have to be asked and the chain does not answer
 */
export async function verifyWalletSignature(
  chain: Pick<Chain, "provider">,
  claim: { walletAddress: string; digest: string; signature: string },
): Promise<"key" | "contract"> {
  const { walletAddress, digest, signature } = claim;
  let rejection: DomainError;
  try {
    if (recoverAddress(digest, signature) === walletAddress) return "key";
    const message =
      "The signature is not this wallet's over what it was asked to sign, on this chain and for this site.";
    rejection = new DomainError("wallet.signature_mismatch", "forbidden", message);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    // A contract may define signatures of any form.
    rejection = error;
  }
  if (await approvesSignature(chain, claim)) return "contract";
  throw rejection;
}
