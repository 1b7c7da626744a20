import { hashMessage } from "ethers";
import { DomainError } from "../../../core/errors";
import type { Chain } from "../../../chain/client";
import {
  type AccountSignature,
  requireKeyForm,
  verifyAccountSignature,
} from "../../../chain/registry/accountSignature";

/** The digest a text is signed under (EIP-191, version 0x45), `0x` and 64 hexadecimal digits. */
export function messageDigest(message: string): string {
  return hashMessage(message);
}

/**
 * Verifies that a wallet signed a digest, as the registry does ({@link verifyAccountSignature}).
 *
 * @returns how the wallet signs, and the signature as the registry takes it
 * @throws DomainError `signature.malformed`, `signature.verifier_not_accepted` or `wallet.signature_mismatch`
 * @throws TransientError when the chain would have to be asked and does not answer
 */
export async function verifyWalletSignature(
  chain: Pick<Chain, "provider" | "keyVerifiers">,
  { walletAddress, digest, signature }: { walletAddress: string; digest: string; signature: string },
): Promise<AccountSignature> {
  const verified = await verifyAccountSignature(chain, { account: walletAddress, digest, signature });
  if (verified !== null) return verified;
  requireKeyForm({ digest, signature });
  const message = "The signature is not this wallet's over what it was asked to sign, on this chain and for this site.";
  throw new DomainError("wallet.signature_mismatch", "forbidden", message);
}
