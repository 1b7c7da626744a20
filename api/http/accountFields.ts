import { getAddress } from "ethers";
import { z } from "zod";

/** Long enough for contract wallets with many owners. */
const MAX_SIGNATURE_DIGITS = 8_192;

/** An account's address as people write it; in lower case from then on. */
export const accountAddress = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, "is not an address: give 0x and 40 hexadecimal digits")
  .refine(
    (text) => isOneCase(text) || hasChecksum(text),
    "has a typing error: its upper and lower case letters (EIP-55) do not fit",
  )
  .transform((text) => text.toLowerCase())
  .meta({ examples: ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"] });

/** A signature of an account of any kind. */
export const accountSignature = z
  .string()
  .max(2 + MAX_SIGNATURE_DIGITS, "is too long for a signature")
  .regex(/^0x(?:[0-9a-fA-F]{2})+$/, "is not a signature: give 0x and hexadecimal digits")
  .meta({
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

function isOneCase(text: string): boolean {
  const digits = text.slice(2);
  return digits === digits.toLowerCase() || digits === digits.toUpperCase();
}

function hasChecksum(text: string): boolean {
  return getAddress(text.toLowerCase()) === text;
}
