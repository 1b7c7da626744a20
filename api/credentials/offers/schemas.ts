import { z } from "zod";
import { issueFields, requireSdJwtClaims, sdJwtFields, topLevelPaths } from "../schemas";
import { createQrCode, qrCodeSvg } from "../qrCode";
import type { CreatedOffer, ShownOffer } from "./actions";
import { PRE_AUTHORIZED_CODE_GRANT, SHOWN_OFFER_STATUSES, TX_CODE_DIGITS, WALLET_EVENTS } from "./rules";

const moment = z.iso.datetime();

export const offerBody = z
  .strictObject({
    ...issueFields,
    ...sdJwtFields,
    txCode: z
      .boolean()
      .default(false)
      .meta({ description: `Whether the holder has to enter ${TX_CODE_DIGITS} digits, which you send by another way` }),
  })
  .superRefine(({ claims, disclosable }, { addIssue }) => {
    requireSdJwtClaims(claims, disclosable, addIssue);
  })
  .transform(({ claims, disclosable, decoys, txCode, ...rest }) => ({
    ...rest,
    content: { claims, disclosable: disclosable ?? topLevelPaths(claims), decoys: decoys ?? 0 },
    withTxCode: txCode,
  }));

const offerId = z.uuid().meta({ description: "The offer's id, and the credential's" });
export const offerParams = z.strictObject({ id: offerId });

const offerFields = {
  offerId,
  type: z.string(),
  subject: z.string().meta({ description: "The holder's DID" }),
  status: z.enum(SHOWN_OFFER_STATUSES),
  createdAt: moment,
  expiresAt: moment,
  redeemedAt: moment.nullable(),
  issuedAt: moment.nullable(),
  walletEvent: z
    .enum(WALLET_EVENTS)
    .nullable()
    .meta({ description: "What the wallet said of the credential; many say nothing" }),
};

/** A credential offer as wallets read it. */
export const offerObjectReply = z.strictObject({
  credential_issuer: z.url(),
  credential_configuration_ids: z.array(z.string()),
  grants: z.strictObject({
    [PRE_AUTHORIZED_CODE_GRANT]: z.strictObject({
      "pre-authorized_code": z.string(),
      tx_code: z
        .strictObject({ input_mode: z.literal("numeric"), length: z.int(), description: z.string() })
        .optional(),
    }),
  }),
});

export const offerReply = z.strictObject(offerFields);
export const createdOfferReply = z.strictObject({
  ...offerFields,
  link: z.string().meta({ description: "Opens a wallet, which fetches the offer; shown this once" }),
  qrCode: z.string().meta({ description: "The link as SVG" }),
  linkByValue: z.string().meta({ description: "Opens a wallet with the whole offer" }),
  credentialOffer: offerObjectReply,
  txCode: z.string().nullable().meta({ description: "For the holder, by another way than the link; shown this once" }),
});

/** An offer as it goes out. */
export function showOffer({ offer, status }: ShownOffer): z.input<typeof offerReply> {
  return {
    offerId: offer.offerId,
    type: offer.type,
    subject: offer.subjectDid,
    status,
    createdAt: offer.createdAt.toISOString(),
    expiresAt: offer.expiresAt.toISOString(),
    redeemedAt: offer.redeemedAt?.toISOString() ?? null,
    issuedAt: offer.issuedAt?.toISOString() ?? null,
    walletEvent: offer.walletEvent,
  };
}

/** An offer as its maker is shown it, once. */
export function showCreatedOffer(created: CreatedOffer): z.input<typeof createdOfferReply> {
  const { offer, object, linkByReference, linkByValue, txCode } = created;
  return {
    ...showOffer({ offer, status: offer.status }),
    link: linkByReference,
    qrCode: qrCodeSvg(createQrCode(linkByReference)),
    linkByValue,
    credentialOffer: object,
    txCode,
  };
}
