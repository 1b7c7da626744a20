import { addSeconds } from "../../../core/clock";
import { randomId, randomInt, randomToken } from "../../../core/crypto";
import { DomainError } from "../../../core/errors";
import { sha256Hex } from "../../../core/hash";
import type { Context } from "../../../process/context";
import { type CredentialDeps, requireIssuable } from "../actions";
import {
  codeOfHandle,
  type CredentialOffer,
  type CredentialOfferObject,
  credentialIssuerUrl,
  offerObject,
  offerUnknown,
  type OfferContent,
  type ShownOfferStatus,
  shownOfferStatus,
  TX_CODE_DIGITS,
} from "./rules";
import type { OfferStore } from "./store";

/** How long what became of an offer is stored after that. */
const RETENTION_SECONDS = 30 * 24 * 60 * 60;
/** How long an offer that no wallet took up is stored once its last token would be void. */
const UNREDEEMED_SECONDS = 24 * 60 * 60;

export interface OfferDeps extends CredentialDeps, Pick<Context, "blindIndex"> {
  offers: OfferStore;
}

/** What an issuer wants a wallet to fetch. */
export interface OfferInput {
  issuer: string;
  subjectDid: string;
  type: string;
  content: OfferContent;
  maxUsages: number;
  expiresAt: Date | undefined;
  /** Whether the holder has to enter a code that the issuer sends apart from the offer. */
  withTxCode: boolean;
}

/** An offer and what is shown of it once: neither link nor code is stored. */
export interface CreatedOffer {
  offer: CredentialOffer;
  object: CredentialOfferObject;
  /** Opens a wallet, which fetches the offer from an address. */
  linkByReference: string;
  /** Opens a wallet with the whole offer. */
  linkByValue: string;
  txCode: string | null;
}

/** An offer and where it stands. */
export interface ShownOffer {
  offer: CredentialOffer;
  status: ShownOfferStatus;
}

/**
 * Offers a credential to a holder's wallet (OpenID4VCI 1.0 §4.1): what it will say is validated now, and signed when
 * the wallet proves its key.
 *
 * @throws DomainError and TransientError as issuing does
 */
export async function createOffer(deps: OfferDeps, input: OfferInput): Promise<CreatedOffer> {
  const { issuer, subjectDid, type, content, maxUsages, expiresAt: validUntil = null } = input;
  await requireIssuable(deps, { issuer, subjectDid, type, claims: content.claims, expiresAt: input.expiresAt });
  const { config, clock, blindIndex } = deps;
  const { publicUrl } = config.http;
  const [now, offerId, handle] = [clock.now(), randomId(), randomToken()];
  const txCode = input.withTxCode ? String(randomInt(10 ** TX_CODE_DIGITS)).padStart(TX_CODE_DIGITS, "0") : null;
  const expiresAt = addSeconds(now, config.issuance.offerSeconds);
  const offer: CredentialOffer = {
    offerId,
    issuer,
    subjectDid,
    type,
    content,
    maxUsages,
    validUntil,
    handleHash: sha256Hex(handle),
    codeHash: sha256Hex(codeOfHandle(handle)),
    txCodeHash: txCode === null ? null : await hashTxCode({ blindIndex }, { offerId, txCode }),
    txCodeAttempts: 0,
    status: "offered",
    tokenHash: null,
    tokenExpiresAt: null,
    keyThumbprint: null,
    createdAt: now,
    expiresAt,
    redeemedAt: null,
    issuedAt: null,
    walletEvent: null,
    purgeAt: addSeconds(expiresAt, config.issuance.tokenSeconds + UNREDEEMED_SECONDS),
  };
  await deps.offers.insert(offer);
  const object = offerObject(offer, { publicUrl, handle });
  const uri = `${credentialIssuerUrl(publicUrl, issuer)}/offers/${handle}`;
  const scheme = config.issuance.walletScheme;
  return {
    offer,
    object,
    linkByReference: `${scheme}://?${new URLSearchParams({ credential_offer_uri: uri }).toString()}`,
    linkByValue: `${scheme}://?credential_offer=${encodeURIComponent(JSON.stringify(object))}`,
    txCode,
  };
}

/** @throws DomainError `credential_offer.unknown` when there is none or it is another issuer's */
export async function getOffer(
  { offers, clock }: Pick<OfferDeps, "offers" | "clock">,
  { issuer, offerId }: { issuer: string; offerId: string },
): Promise<ShownOffer> {
  const offer = await offers.find(offerId);
  if (offer === null || offer.issuer !== issuer) throw offerUnknown();
  return { offer, status: shownOfferStatus(offer, clock.now()) };
}

/**
 * Cancels an offer whose credential is not issued yet; a wallet's access token is void from then on.
 *
 * @throws DomainError `credential_offer.unknown`, `credential_offer.issued`
 */
export async function cancelOffer(
  deps: Pick<OfferDeps, "offers" | "clock">,
  asked: { issuer: string; offerId: string },
): Promise<void> {
  const purgeAt = outcomePurgeAt(deps.clock.now());
  if (await deps.offers.cancel(asked.issuer, asked.offerId, purgeAt)) return;
  const { status } = await getOffer(deps, asked);
  if (status === "cancelled") return;
  const message = "A wallet has the credential, or is about to: revoke it instead.";
  throw new DomainError("credential_offer.issued", "conflict", message);
}

/**
 * The offer that a link names, for the wallet that follows it.
 *
 * @throws DomainError `credential_offer.unknown_link`, `credential_offer.closed`
 */
export async function readOfferLink(
  { offers, clock, config }: Pick<OfferDeps, "offers" | "clock" | "config">,
  { issuer, handle }: { issuer: string; handle: string },
): Promise<CredentialOfferObject> {
  const offer = await offers.findByHandle(sha256Hex(handle));
  if (offer === null || offer.issuer !== issuer) {
    throw new DomainError("credential_offer.unknown_link", "not_found", "This link leads to no credential offer.");
  }
  if (shownOfferStatus(offer, clock.now()) !== "offered") {
    const message = "The credential offer was used, cancelled or not taken up in time: ask its issuer for another.";
    throw new DomainError("credential_offer.closed", "gone", message);
  }
  return offerObject(offer, { publicUrl: config.http.publicUrl, handle });
}

/** Until when what became of an offer is stored. */
export function outcomePurgeAt(now: Date): Date {
  return addSeconds(now, RETENTION_SECONDS);
}

/** A transaction code as it is stored: nobody without the key can try its few values. */
export function hashTxCode(
  { blindIndex }: Pick<OfferDeps, "blindIndex">,
  { offerId, txCode }: { offerId: string; txCode: string },
): Promise<string> {
  return blindIndex("credential_offers.txCode", `${offerId}.${txCode}`);
}
