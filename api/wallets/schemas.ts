import { getAddress } from "ethers";
import { z } from "zod";
import { REMEDIES, SHOWN_STATUSES } from "./anchoring/rules";
import { PURPOSES } from "./challenges/rules";

/** Long enough for contract wallets with many owners. */
const MAX_SIGNATURE_DIGITS = 8_192;

const walletAddress = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, "is not an address: give 0x and 40 hexadecimal digits")
  .refine(
    (text) => isOneCase(text) || hasChecksum(text),
    "has a typing error: its upper and lower case letters (EIP-55) do not fit",
  )
  .transform((text) => text.toLowerCase())
  .meta({ examples: ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"] });

const signature = z
  .string()
  .max(2 + MAX_SIGNATURE_DIGITS, "is too long for a signature")
  .regex(/^0x(?:[0-9a-fA-F]{2})+$/, "is not a signature: give 0x and hexadecimal digits")
  .meta({
    description:
      "`0x` and hexadecimal digits. Keys: 65 bytes, or 64 by EIP-2098, low s. Contracts: what they approve (ERC-1271).",
  });

const nonce = z
  .string()
  .regex(/^[0-9a-f]{32}$/, "is not a challenge's nonce: send back the one the challenge came with")
  .meta({ description: "The challenge's nonce." });

const ownNonce = nonce
  .optional()
  .meta({ description: "The challenge's nonce; the session's latest challenge when absent." });

const cookie = z.boolean().default(false).meta({
  description: "For browsers: hold the token in an HttpOnly cookie and answer with a csrfToken instead of sessionId.",
});

export const challengeBody = z.strictObject({ walletAddress, purpose: z.enum(PURPOSES).default("link") });
export const linkBody = z.strictObject({
  walletAddress,
  nonce: ownNonce,
  signature,
  registrationSignature: signature.optional(),
});
export const loginBody = z.strictObject({ walletAddress, nonce, signature, cookie });
export const anchorBody = z.strictObject({ nonce: ownNonce, registrationSignature: signature.optional() });
export const walletParams = z.strictObject({ walletAddress });

const moment = z.iso.datetime();
const address = z.string().meta({ description: "`0x` and 40 lower-case hexadecimal digits" });

const typedDataReply = z
  .strictObject({
    domain: z.strictObject({ name: z.string(), version: z.string(), chainId: z.int(), verifyingContract: z.string() }),
    types: z.record(z.string(), z.array(z.strictObject({ name: z.string(), type: z.string() }))),
    primaryType: z.string(),
    message: z.record(z.string(), z.string()),
  })
  .meta({
    description: "EIP-712 typed data for `eth_signTypedData_v4`; ethers wants the type `EIP712Domain` left out.",
  });

export const challengeReply = z.strictObject({
  nonce: z.string(),
  message: z.string().meta({ description: "The text to sign with `personal_sign`; empty for the purpose `anchor`." }),
  typedData: typedDataReply
    .nullable()
    .meta({ description: "What to sign as registrationSignature; null when the DID is anchored." }),
  issuedAt: moment,
  expiresAt: moment,
});

const anchoringReply = z.strictObject({
  status: z.enum(SHOWN_STATUSES),
  transactionHash: z.string().nullable(),
  blockNumber: z.int().nullable(),
  error: z
    .strictObject({
      code: z.string(),
      message: z.string(),
      remedy: z
        .enum(REMEDIES)
        .meta({ description: "`automatic`: wait. `retry`: ask again. `sign`: ask again with a fresh signature." }),
    })
    .optional(),
});

export const walletReply = z.strictObject({
  walletAddress: address,
  did: z.string(),
  kind: z.enum(["key", "contract"]),
  verifiedAt: moment,
  anchoring: anchoringReply,
});

export const walletsReply = z.strictObject({ wallets: z.array(walletReply) });

export const openedReply = z.strictObject({
  userId: z.uuid(),
  walletAddress: address,
  did: z.string(),
  sessionId: z.string().optional().meta({ description: "The session token; absent when a cookie holds it." }),
  csrfToken: z.string().optional().meta({ description: "To be sent as X-CSRF-Token; present with a cookie only." }),
  expiresAt: moment,
});

function isOneCase(text: string): boolean {
  const digits = text.slice(2);
  return digits === digits.toLowerCase() || digits === digits.toUpperCase();
}

function hasChecksum(text: string): boolean {
  return getAddress(text.toLowerCase()) === text;
}
