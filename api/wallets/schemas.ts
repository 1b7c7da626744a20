import { z } from "zod";
import { accountAddress as walletAddress, accountSignature as signature, typedDataReply } from "../http/accountFields";
import { REMEDIES, SHOWN_STATUSES } from "./anchoring/rules";
import { PURPOSES } from "./challenges/rules";

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
