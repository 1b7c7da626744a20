import { z } from "zod";
import {
  accountAddress as walletAddress,
  accountDid,
  accountSignature as signature,
  typedDataReply,
} from "../http/accountFields";
import { KEY_SCHEMES, SIGNER_KINDS } from "../../chain/registry/keyAccount";
import type { RegistryDomain } from "../../chain/registry/consents";
import { registrationDigest, registrationTypedData } from "../../chain/registry/registration";
import { CONTROL_STATES } from "./control/rules";
import { REMEDIES, SHOWN_STATUSES } from "./anchoring/rules";
import { type Challenge, PURPOSES } from "./challenges/rules";
import { messageDigest } from "./challenges/walletSignature";

/** The key of RFC 7515, appendix A.3. */
const EXAMPLE_KEY = {
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
};

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

const did = accountDid.meta({
  description: "A DID that the wallet controls. Without it, whichever it controls: that of its own address first.",
});

export const challengeBody = z.strictObject({ walletAddress, purpose: z.enum(PURPOSES).default("link") });
/** A device's command is never a login: it has a session. */
export const challengeCommandBody = challengeBody.extend({
  purpose: z.enum(PURPOSES).exclude(["login"]).default("link"),
});
export const linkBody = z.strictObject({
  walletAddress,
  nonce: ownNonce,
  signature,
  registrationSignature: signature.optional(),
  did: did.optional(),
});
export const loginBody = z.strictObject({ walletAddress, nonce, signature, did: did.optional(), cookie });
export const anchorBody = z.strictObject({ nonce: ownNonce, registrationSignature: signature.optional() });

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "is not a coordinate: give 32 bytes in base64url");

export const keyAccountBody = z.strictObject({
  scheme: z.enum(KEY_SCHEMES).default("webauthn").meta({
    description: "`webauthn`: the key of a passkey. `p256`: a key that signs digests as they are.",
  }),
  publicKey: z
    .union([
      z
        .string()
        .max(200)
        .regex(/^[A-Za-z0-9_-]+$/, "is not base64url")
        .meta({
          description: "SubjectPublicKeyInfo in base64url, as `AuthenticatorAttestationResponse.getPublicKey()`",
        }),
      z.looseObject({ kty: z.literal("EC"), crv: z.literal("P-256"), x: coordinate, y: coordinate }),
    ])
    .meta({ description: "The public key, as SubjectPublicKeyInfo or as a JSON Web Key", examples: [EXAMPLE_KEY] }),
});
export const walletParams = z.strictObject({ walletAddress });

const moment = z.iso.datetime();
const address = z.string().meta({ description: "`0x` and 40 lower-case hexadecimal digits" });

const digest = z.string().regex(/^0x[0-9a-f]{64}$/);

export const keyAccountReply = z.strictObject({
  walletAddress: address,
  did: z.string(),
  scheme: z.enum(KEY_SCHEMES),
  key: z.string().meta({ description: "The ERC-7913 key: its verifier's address, x and y" }),
  signaturePrefix: z.string().meta({ description: "What comes before every signature: the key's length, the key" }),
});

export const challengeReply = z.strictObject({
  nonce: z.string(),
  message: z.string().meta({ description: "The text to sign with `personal_sign`; empty for the purpose `anchor`." }),
  messageDigest: digest.nullable().meta({
    description: "What a key signs for the message (EIP-191), a passkey as its challenge; null for `anchor`.",
  }),
  typedData: typedDataReply
    .nullable()
    .meta({ description: "What to sign as registrationSignature; null when the DID is anchored." }),
  typedDataDigest: digest.nullable().meta({
    description: "What a key signs for the typed data (EIP-712), a passkey as its challenge; null without them.",
  }),
  issuedAt: moment,
  expiresAt: moment,
});

const control = z.enum(CONTROL_STATES);

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
  did: z.string().meta({ description: "The DID of the wallet's own address" }),
  control: control.meta({
    description:
      "Who controls that DID: this wallet, another account it was transferred to, or nobody any more; `unverified` while the index cannot say",
  }),
  otherDids: z
    .array(z.strictObject({ did: z.string(), control }))
    .meta({ description: "What the wallet controls besides, or did until it was deactivated; at most 1,000" }),
  kind: z.enum(SIGNER_KINDS).meta({ description: "How it signs: ECDSA, ERC-7913 or ERC-1271" }),
  verifiedAt: moment,
  anchoring: anchoringReply,
});

export const walletsReply = z.strictObject({ wallets: z.array(walletReply) });

export const openedReply = z.strictObject({
  userId: z.uuid(),
  walletAddress: address,
  did: z.string().meta({ description: "The DID as whose holder the session was opened" }),
  sessionId: z.string().optional().meta({ description: "The session token; absent when a cookie holds it." }),
  csrfToken: z.string().optional().meta({ description: "To be sent as X-CSRF-Token; present with a cookie only." }),
  expiresAt: moment,
});

/** A challenge as it goes out. */
export function showChallenge(challenge: Challenge, registry: RegistryDomain) {
  const { nonce, message, registration, issuedAt, expiresAt } = challenge;
  return {
    nonce,
    message,
    // The purpose `anchor` has no text.
    messageDigest: message === "" ? null : messageDigest(message),
    typedData: registration && registrationTypedData(registry, registration),
    typedDataDigest: registration && registrationDigest(registry, registration),
    issuedAt,
    expiresAt,
  };
}
