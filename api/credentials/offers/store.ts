import { Schema } from "mongoose";
import {
  decryptOptional,
  encryptOptional,
  type EncryptedFields,
  type FieldCipher,
  type FieldPlace,
} from "../../../core/keys/fieldCipher";
import { type Mongo, rawCollection } from "../../../core/mongo";
import {
  type CredentialOffer,
  MAX_TX_CODE_ATTEMPTS,
  OFFER_STATUSES,
  type OfferContent,
  WALLET_EVENTS,
  type WalletEvent,
} from "./rules";

type Stored = Omit<CredentialOffer, "offerId" | "content" | "tokenHash"> & {
  _id: string;
  /** Encrypted JSON. */
  content: string | null;
  /** Absent instead of null, so that its unique index holds tokens alone. */
  tokenHash?: string;
};

/** What of an offer is encrypted. */
export const ENCRYPTED_OFFER_FIELDS = {
  collection: "credential_offers",
  fields: ["content"],
} as const satisfies EncryptedFields;

const optionalDate = { type: Date, default: null };

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    issuer: { type: String, required: true },
    subjectDid: { type: String, required: true },
    type: { type: String, required: true },
    content: { type: String, default: null },
    maxUsages: { type: Number, required: true },
    validUntil: optionalDate,
    handleHash: { type: String, required: true },
    codeHash: { type: String, required: true },
    txCodeHash: { type: String, default: null },
    txCodeAttempts: { type: Number, required: true },
    status: { type: String, enum: OFFER_STATUSES, required: true },
    tokenHash: String,
    tokenExpiresAt: optionalDate,
    keyThumbprint: { type: String, default: null },
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    redeemedAt: optionalDate,
    issuedAt: optionalDate,
    walletEvent: { type: String, enum: [null, ...WALLET_EVENTS], default: null },
    purgeAt: { type: Date, required: true },
  },
  { collection: "credential_offers", versionKey: false },
);
schema.index({ handleHash: 1 }, { unique: true });
schema.index({ codeHash: 1 }, { unique: true });
schema.index({ tokenHash: 1 }, { unique: true, sparse: true });
schema.index({ subjectDid: 1 });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** The collection `credential_offers`. Every change of state is one conditional write to one offer. */
export interface OfferStore {
  insert(offer: CredentialOffer): Promise<void>;
  find(offerId: string): Promise<CredentialOffer | null>;
  findByHandle(handleHash: string): Promise<CredentialOffer | null>;
  findByCode(codeHash: string): Promise<CredentialOffer | null>;
  findByToken(tokenHash: string): Promise<CredentialOffer | null>;
  /** Counts a transaction code that is about to be compared; false when as many were as may be. */
  countTxCode(offerId: string): Promise<boolean>;
  /** offered -> redeemed; of any number of callers one gets true, while the offer has not expired. */
  redeem(offerId: string, taken: { tokenHash: string; tokenExpiresAt: Date; now: Date }): Promise<boolean>;
  /** Binds the credential to a key; false when it is bound to another one, or the offer is not the token's any more. */
  bindKey(offerId: string, bound: { tokenHash: string; keyThumbprint: string }): Promise<boolean>;
  /** redeemed -> issued, once; what the credential says is erased here. */
  markIssued(offerId: string, marked: { now: Date; purgeAt: Date }): Promise<void>;
  /** Records what the wallet says of the credential that it was given. */
  recordEvent(offerId: string, walletEvent: WalletEvent): Promise<void>;
  /** offered or redeemed -> cancelled, while it is bound to no key; false when the issuer has no such offer. */
  cancel(issuer: string, offerId: string, purgeAt: Date): Promise<boolean>;
  /** Those made for these DIDs. */
  ofHolder(dids: string[]): Promise<CredentialOffer[]>;
  /** Deletes all that were made for these DIDs. */
  erase(dids: string[]): Promise<void>;
}

/** Creates the store of credential offers. */
export function createOfferStore({ mongo, fields }: { mongo: Mongo; fields: FieldCipher }): OfferStore {
  mongo.model<Stored>("CredentialOffer", schema);
  const offers = () => rawCollection<Stored>(mongo, "credential_offers");
  const findOne = async (filter: Partial<Stored>) => {
    const found = await offers().findOne(filter);
    return found === null ? null : decrypt(fields, found);
  };
  return {
    async insert({ offerId, content, tokenHash: _none, ...rest }) {
      const text = content === null ? null : JSON.stringify(content);
      await offers().insertOne({
        ...rest,
        _id: offerId,
        content: await encryptOptional(fields, placeOf(offerId), text),
      });
    },
    find: (offerId) => findOne({ _id: offerId }),
    findByHandle: (handleHash) => findOne({ handleHash }),
    findByCode: (codeHash) => findOne({ codeHash }),
    findByToken: (tokenHash) => findOne({ tokenHash }),
    async countTxCode(offerId) {
      const counted = await offers().updateOne(
        { _id: offerId, status: "offered", txCodeAttempts: { $lt: MAX_TX_CODE_ATTEMPTS } },
        { $inc: { txCodeAttempts: 1 } },
      );
      return counted.modifiedCount === 1;
    },
    async redeem(offerId, { tokenHash, tokenExpiresAt, now }) {
      const redeemed = await offers().updateOne(
        { _id: offerId, status: "offered", expiresAt: { $gt: now } },
        { $set: { status: "redeemed", tokenHash, tokenExpiresAt, redeemedAt: now } },
      );
      return redeemed.modifiedCount === 1;
    },
    async bindKey(offerId, { tokenHash, keyThumbprint }) {
      const bound = await offers().updateOne(
        {
          _id: offerId,
          status: { $in: ["redeemed", "issued"] },
          tokenHash,
          keyThumbprint: { $in: [null, keyThumbprint] },
        },
        { $set: { keyThumbprint } },
      );
      return bound.matchedCount === 1;
    },
    async markIssued(offerId, { now, purgeAt }) {
      await offers().updateOne(
        { _id: offerId, status: "redeemed" },
        { $set: { status: "issued", issuedAt: now, content: null, purgeAt } },
      );
    },
    async recordEvent(offerId, walletEvent) {
      await offers().updateOne({ _id: offerId, status: "issued" }, { $set: { walletEvent } });
    },
    async cancel(issuer, offerId, purgeAt) {
      const cancelled = await offers().updateOne(
        { _id: offerId, issuer, status: { $in: ["offered", "redeemed"] }, keyThumbprint: null },
        { $set: { status: "cancelled", content: null, purgeAt } },
      );
      return cancelled.modifiedCount === 1;
    },
    async ofHolder(dids) {
      const found = await offers()
        .find({ subjectDid: { $in: dids } })
        .toArray();
      return Promise.all(found.map((stored) => decrypt(fields, stored)));
    },
    async erase(dids) {
      await offers().deleteMany({ subjectDid: { $in: dids } });
    },
  };
}

function placeOf(id: string): FieldPlace {
  return { collection: ENCRYPTED_OFFER_FIELDS.collection, field: "content", id };
}

async function decrypt(fields: FieldCipher, { _id, content, tokenHash, ...rest }: Stored): Promise<CredentialOffer> {
  const text = await decryptOptional(fields, placeOf(_id), content);
  return {
    ...rest,
    offerId: _id,
    content: text === null ? null : (JSON.parse(text) as OfferContent),
    tokenHash: tokenHash ?? null,
  };
}
