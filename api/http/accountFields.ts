import { z } from "zod";
import { parseAddress } from "../../chain/did/address";
import { normalizeDid } from "../../chain/did/did";
import { DomainError } from "../../core/errors";

/** Long enough for contract wallets with many owners. */
const MAX_SIGNATURE_DIGITS = 8_192;

/**
 * Parses a text by a parser of the domain. What that rejects is an error of the field, and bears its code.
 *
 * @param parse throws a DomainError for what it rejects
 */
function parsedBy<Output>(parse: (text: string) => Output) {
  return (text: string, context: z.core.$RefinementCtx): Output => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      context.addIssue({ code: "custom", message: error.message, params: { code: error.code } });
      return z.NEVER;
    }
  };
}

/** An account's address as people write it, EIP-55 or one case; in lower case from then on. */
export const accountAddress = z
  .string()
  .max(200)
  .transform(parsedBy(parseAddress))
  .meta({
    pattern: "^0x[0-9a-fA-F]{40}$",
    description: "`0x` and 40 hexadecimal digits: of one case, or of both as EIP-55 has them",
    examples: ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
  });

/** A DID as people write it; one that ends in an address has that in lower case from then on. */
export const accountDid = z
  .string()
  .max(200)
  .transform(parsedBy(normalizeDid))
  .meta({
    description: "A DID. The letters of its address may be of one case, or of both as EIP-55 has them.",
    examples: ["did:mychain:0x70997970c51812dc3a010c7d01b50e0d17dc79c8"],
  });

/** A signature of an account of any kind. */
export const accountSignature = z
  .string()
  .max(2 + MAX_SIGNATURE_DIGITS, "is too long for a signature")
  .transform(parsedBy(requireHexBytes))
  .meta({
    pattern: "^0x(?:[0-9a-fA-F]{2})+$",
    description:
      "`0x` and hexadecimal digits. Keys: 65 bytes, or 64 by EIP-2098, low s. Passkeys: the key with its signature, as POST /auth/wallet/key-account says. Contracts: what they approve (ERC-1271).",
  });

/** EIP-712 typed data as it is given to a wallet. */
export const typedDataReply = z
  .strictObject({
    domain: z.strictObject({ name: z.string(), version: z.string(), chainId: z.int(), verifyingContract: z.string() }),
    types: z.record(z.string(), z.array(z.strictObject({ name: z.string(), type: z.string() }))),
    primaryType: z.string(),
    message: z.record(z.string(), z.string()),
  })
  .meta({
    description: "EIP-712 typed data for `eth_signTypedData_v4`; ethers wants the type `EIP712Domain` left out.",
  });

function requireHexBytes(text: string): string {
  if (/^0x(?:[0-9a-fA-F]{2})+$/.test(text)) return text;
  throw new DomainError("signature.malformed", "invalid", "is not a signature: give 0x and hexadecimal digits");
}
