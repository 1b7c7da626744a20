import { addSeconds } from "../../../core/clock";
import { randomToken } from "../../../core/crypto";
import { equalsInConstantTime, sha256Hex } from "../../../core/hash";
import { thumbprintOf } from "../../../core/keys/jws";
import type { PublicJwk } from "../../../core/keys/verifyJws";
import { makeCredential, tellIssued } from "../actions";
import { hashTxCode, type OfferDeps, outcomePurgeAt } from "../offers/actions";
import { type CredentialOffer, credentialIssuerUrl, shownOfferStatus } from "../offers/rules";
import { credentialUnknown } from "../rules";
import { issuanceError } from "./errors";
import { consumeNonce, type NonceDeps } from "./nonces";
import { verifyProof } from "./proof";
import { deniedBecause, readCredentialRequest, readNotification } from "./rules";

export type IssuanceDeps = OfferDeps & NonceDeps;

/** What a wallet redeems. */
export interface Redemption {
  issuer: string;
  code: string;
  /** As the holder entered it. */
  txCode: string | undefined;
}

/**
 * Redeems a pre-authorized code for an access token, once (OpenID4VCI 1.0 §6). A transaction code is counted before it
 * is compared; after too many the offer is void.
 *
 * @returns the token, which is stored as its hash alone
 * @throws DomainError `openid4vci.invalid_grant`, `openid4vci.invalid_request`
 */
export async function redeemOffer(
  deps: Pick<IssuanceDeps, "offers" | "clock" | "config" | "blindIndex">,
  { issuer, code, txCode }: Redemption,
): Promise<{ accessToken: string; expiresInSeconds: number }> {
  const { offers, clock, config } = deps;
  const offer = await offers.findByCode(sha256Hex(code));
  const now = clock.now();
  if (offer === null || offer.issuer !== issuer || shownOfferStatus(offer, now) !== "offered") throw invalidGrant();
  await verifyTxCode(deps, offer, txCode);
  const accessToken = randomToken();
  const expiresInSeconds = config.issuance.tokenSeconds;
  const tokenExpiresAt = addSeconds(now, expiresInSeconds);
  const redeemed = await offers.redeem(offer.offerId, { tokenHash: sha256Hex(accessToken), tokenExpiresAt, now });
  if (!redeemed) throw invalidGrant();
  return { accessToken, expiresInSeconds };
}

/**
 * Issues the credential of an offer to the wallet that proves its key (OpenID4VCI 1.0 §8), once. Asked again with the
 * same token, a fresh nonce and the same key, it returns the same credential: an answer that was lost can be had again.
 *
 * @param input.body the Credential Request (§8.2), JSON
 * @returns the credential as its issuer signed it, and by what name the wallet may tell what became of it
 * @throws DomainError `openid4vci.<error>`
 * @throws TransientError when the chain does not answer
 */
export async function deliverCredential(
  deps: IssuanceDeps,
  input: { issuer: string; accessToken: string | undefined; body: Buffer },
): Promise<{ credential: string; notificationId: string }> {
  const { issuer, accessToken, body } = input;
  const { offer, tokenHash } = await requireToken(deps, { issuer, accessToken });
  const request = readCredentialRequest(body);
  if (request.configurationId !== offer.type) {
    const message = "The offer is for another credential: name one of its credential_configuration_ids.";
    throw issuanceError("unknown_credential_configuration", message);
  }
  const audience = credentialIssuerUrl(deps.config.http.publicUrl, issuer);
  const { holderKey, nonce } = verifyProof(request.proof, { audience, now: deps.clock.now() });
  await consumeNonce(deps, { issuer, nonce });
  // Whichever key is bound first stays the only one, however many requests race.
  if (!(await deps.offers.bindKey(offer.offerId, { tokenHash, keyThumbprint: thumbprintOf(holderKey) }))) {
    throw issuanceError(
      "credential_request_denied",
      "The credential is bound to another key, or the offer was cancelled.",
    );
  }
  const credential = await issueOffered(deps, offer, holderKey);
  const now = deps.clock.now();
  await deps.offers.markIssued(offer.offerId, { now, purgeAt: outcomePurgeAt(now) });
  return { credential, notificationId: offer.offerId };
}

/**
 * Records what a wallet says became of the credential (OpenID4VCI 1.0 §11); said again, it changes nothing.
 *
 * @param input.body the Notification Request (§11.1), JSON
 * @throws DomainError `openid4vci.invalid_token`, `openid4vci.invalid_notification_request`,
 * `openid4vci.invalid_notification_id`
 */
export async function recordNotification(
  deps: Pick<IssuanceDeps, "offers" | "clock">,
  { issuer, accessToken, body }: { issuer: string; accessToken: string | undefined; body: Buffer },
): Promise<void> {
  const { offer } = await requireToken(deps, { issuer, accessToken });
  const { notificationId, event } = readNotification(body);
  if (notificationId !== offer.offerId || offer.status !== "issued") {
    throw issuanceError("invalid_notification_id", "There is no credential of this notification_id.");
  }
  await deps.offers.recordEvent(offer.offerId, event);
}

async function verifyTxCode(
  deps: Pick<IssuanceDeps, "offers" | "blindIndex">,
  { offerId, txCodeHash }: CredentialOffer,
  txCode: string | undefined,
): Promise<void> {
  if (txCodeHash === null) {
    if (txCode === undefined) return;
    throw issuanceError("invalid_request", "This offer asks for no transaction code: leave out tx_code.");
  }
  if (txCode === undefined) throw issuanceError("invalid_request", "This offer asks for a transaction code: tx_code.");
  if (!(await deps.offers.countTxCode(offerId))) throw invalidGrant();
  if (!equalsInConstantTime(await hashTxCode(deps, { offerId, txCode }), txCodeHash)) throw invalidGrant();
}

async function requireToken(
  { offers, clock }: Pick<IssuanceDeps, "offers" | "clock">,
  { issuer, accessToken }: { issuer: string; accessToken: string | undefined },
): Promise<{ offer: CredentialOffer; tokenHash: string }> {
  const tokenHash = sha256Hex(accessToken ?? "");
  const offer = accessToken === undefined ? null : await offers.findByToken(tokenHash);
  const isUsable =
    offer !== null &&
    offer.issuer === issuer &&
    (offer.status === "redeemed" || offer.status === "issued") &&
    offer.tokenExpiresAt !== null &&
    offer.tokenExpiresAt > clock.now();
  if (isUsable) return { offer, tokenHash };
  throw issuanceError("invalid_token", "The access token is unknown or expired.");
}

async function issueOffered(deps: IssuanceDeps, offer: CredentialOffer, holderKey: PublicJwk): Promise<string> {
  try {
    const { offerId, content } = offer;
    const issued = await deps.credentials.find(offerId);
    if (issued !== null) {
      await tellIssued(deps, issued);
      return issued.jwt;
    }
    // The claims are erased when the credential is stored; a credential that is not there either was erased since.
    if (content === null) throw credentialUnknown();
    const { claims, disclosable, decoys } = content;
    const credential = await makeCredential(
      deps,
      {
        issuer: offer.issuer,
        subjectDid: offer.subjectDid,
        type: offer.type,
        claims,
        maxUsages: offer.maxUsages,
        expiresAt: offer.validUntil ?? undefined,
        reference: undefined,
        form: { format: "dc+sd-jwt", disclosable, decoys, holderKey },
      },
      offerId,
    );
    if (await deps.credentials.insert(credential)) {
      await tellIssued(deps, credential);
      return credential.jwt;
    }
    // Another request of the same wallet stored it first.
    const first = await deps.credentials.find(offerId);
    if (first === null) throw credentialUnknown();
    return first.jwt;
  } catch (error) {
    throw deniedBecause(error);
  }
}

/** One message for all: whoever tries codes learns nothing of offers. */
function invalidGrant() {
  const message =
    "The pre-authorized code is unknown, used or expired, or the transaction code is wrong: ask the issuer for another offer.";
  return issuanceError("invalid_grant", message);
}
