import { hmacSha256 } from "../../../core/hash";
import type { ClaimPath } from "../../../core/sdJwt/conceal";
import { DomainError } from "../../../core/errors";

/**
 * - `offered`: the pre-authorized code was not used
 * - `redeemed`: a wallet has an access token
 * - `issued`: the credential is stored; the wallet may fetch it again while its token is valid
 * - `cancelled`: by the issuer
 */
export const OFFER_STATUSES = ["offered", "redeemed", "issued", "cancelled"] as const;
export type OfferStatus = (typeof OFFER_STATUSES)[number];

/** What issuers are shown; `expired`: the wallet did not come in time; `blocked`: too many wrong transaction codes. */
export const SHOWN_OFFER_STATUSES = [...OFFER_STATUSES, "expired", "blocked"] as const;
export type ShownOfferStatus = (typeof SHOWN_OFFER_STATUSES)[number];

/** What a wallet says of a credential that it was given (OpenID4VCI 1.0 §11.1). */
export const WALLET_EVENTS = ["credential_accepted", "credential_failure", "credential_deleted"] as const;
export type WalletEvent = (typeof WALLET_EVENTS)[number];

/** After so many wrong transaction codes an offer is void: six digits withstand no more guesses. */
export const MAX_TX_CODE_ATTEMPTS = 5;
export const TX_CODE_DIGITS = 6;

/** What the credential is to say. */
export interface OfferContent {
  claims: Record<string, unknown>;
  disclosable: readonly ClaimPath[];
  decoys: number;
}

/** A credential that waits for a wallet (OpenID4VCI 1.0 §4.1). Stored, its content is encrypted. */
export interface CredentialOffer {
  /** UUID; the credential will have the same. */
  offerId: string;
  issuer: string;
  subjectDid: string;
  type: string;
  /** Null once it is issued or cancelled. */
  content: OfferContent | null;
  maxUsages: number;
  /** When the credential is to expire; null: after the default. */
  validUntil: Date | null;
  /** SHA-256 of what the link names; the pre-authorized code follows from that. */
  handleHash: string;
  /** SHA-256 of the pre-authorized code. */
  codeHash: string;
  /** Keyed hash of the transaction code; null: none is asked for. */
  txCodeHash: string | null;
  txCodeAttempts: number;
  status: OfferStatus;
  /** SHA-256 of the access token. */
  tokenHash: string | null;
  tokenExpiresAt: Date | null;
  /** Thumbprint of the key that the credential is bound to, from the first valid proof on. */
  keyThumbprint: string | null;
  createdAt: Date;
  expiresAt: Date;
  redeemedAt: Date | null;
  issuedAt: Date | null;
  /** What the wallet said last; null: nothing. */
  walletEvent: WalletEvent | null;
  purgeAt: Date;
}

/** What is shown of an offer's status. */
export function shownOfferStatus(offer: CredentialOffer, now: Date): ShownOfferStatus {
  const { status, txCodeAttempts, expiresAt, tokenExpiresAt } = offer;
  if (status === "offered" && txCodeAttempts >= MAX_TX_CODE_ATTEMPTS) return "blocked";
  if (status === "offered" && expiresAt <= now) return "expired";
  if (status === "redeemed" && tokenExpiresAt !== null && tokenExpiresAt <= now) return "expired";
  return status;
}

/** The Credential Issuer Identifier of an issuer (OpenID4VCI 1.0 §12.2.1). */
export function credentialIssuerUrl(publicUrl: string, issuer: string): string {
  return `${publicUrl}/issuance/${issuer}`;
}

/** The pre-authorized code of an offer: whoever has the link has the code, and neither is stored. */
export function codeOfHandle(handle: string): string {
  return hmacSha256(handle, "pre-authorized_code").toString("base64url");
}

export const PRE_AUTHORIZED_CODE_GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code";

/** A credential offer as wallets read it (OpenID4VCI 1.0 §4.1.1). */
export interface CredentialOfferObject {
  credential_issuer: string;
  credential_configuration_ids: string[];
  grants: {
    [PRE_AUTHORIZED_CODE_GRANT]: {
      "pre-authorized_code": string;
      tx_code?: { input_mode: "numeric"; length: number; description: string };
    };
  };
}

/** What a wallet is told of an offer. */
export function offerObject(
  { issuer, type, txCodeHash }: Pick<CredentialOffer, "issuer" | "type" | "txCodeHash">,
  { publicUrl, handle }: { publicUrl: string; handle: string },
): CredentialOfferObject {
  const description = "The issuer has sent you this code apart from the offer.";
  const txCode = { tx_code: { input_mode: "numeric" as const, length: TX_CODE_DIGITS, description } };
  return {
    credential_issuer: credentialIssuerUrl(publicUrl, issuer),
    credential_configuration_ids: [type],
    grants: {
      [PRE_AUTHORIZED_CODE_GRANT]: {
        "pre-authorized_code": codeOfHandle(handle),
        ...(txCodeHash !== null && txCode),
      },
    },
  };
}

/** The rejection of an offer's id that does not exist, or is another issuer's. */
export function offerUnknown(): DomainError {
  return new DomainError("credential_offer.unknown", "not_found", "There is no such credential offer of yours.");
}
