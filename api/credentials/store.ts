import { type QueryFilter, Schema } from "mongoose";
import type { BlindIndex } from "../../core/keys/blindIndex";
import { decryptOptional, encryptOptional, type EncryptedFields, type FieldCipher } from "../../core/keys/fieldCipher";
import { type Mongo, isDuplicateKey, rawCollection } from "../../core/mongo";
import { batchFindById } from "../../core/batchFindById";
import { type Credential, type Hold, ISSUED_FORMATS, type Use } from "./rules";

/** A credential as it is stored. */
type Stored = Omit<Credential, "credentialId" | "claims" | "jwt"> & {
  _id: string;
  /** Encrypted JSON. `reference` is encrypted as well. Null once the holder's account was erased. */
  claims: string | null;
  jwt: string | null;
  /** The user whose account was erased with what the credential said; absent otherwise. */
  erasedFor?: string;
  /** What a credential is found by where its issuer gave it a reference; absent otherwise. */
  referenceIndex?: string;
};

/** What of a credential is encrypted. */
export const ENCRYPTED_CREDENTIAL_FIELDS = {
  collection: "credentials",
  fields: ["claims", "jwt", "reference"],
} as const satisfies EncryptedFields;

/** A credential without its claims: they are in its JWT, and what verifies that has no need to decrypt them twice. */
export type CredentialToVerify = Omit<Credential, "claims" | "reference">;

const use = new Schema<Use>(
  {
    verificationId: { type: String, required: true },
    verifierId: { type: String, required: true },
    verifierName: { type: String, required: true },
    presenterDid: { type: String, required: true },
    confirmationHash: { type: String, required: true },
    ip: { type: String, default: "" },
    usedAt: { type: Date, required: true },
    block: { type: new Schema({ number: Number, hash: String }, { _id: false }), required: true },
  },
  { _id: false },
);

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    credId: { type: String, required: true },
    issuer: { type: String, required: true },
    issuerDid: { type: String, required: true },
    issuerName: { type: String, required: true },
    index: { type: Number, required: true },
    subjectDid: { type: String, default: "" },
    type: { type: String, required: true },
    schemaId: { type: String, required: true },
    claims: { type: String, default: null },
    erasedFor: String,
    reference: { type: String, default: null },
    referenceIndex: String,
    format: { type: String, enum: ISSUED_FORMATS, required: true },
    jwt: { type: String, default: null },
    status: { type: String, enum: ["ACTIVE", "USED"], required: true },
    hold: { type: new Schema<Hold>({ change: String, changeId: String }, { _id: false }), default: null },
    maxUsages: { type: Number, required: true },
    usageCount: { type: Number, required: true },
    uses: { type: [use], required: true },
    unrecorded: { type: [String], required: true },
    issuedAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
  },
  { collection: "credentials", versionKey: false },
);
schema.index({ credId: 1 }, { unique: true });
schema.index({ subjectDid: 1, issuedAt: -1, _id: 1 });
schema.index({ issuer: 1, issuedAt: -1, _id: 1 });
schema.index({ referenceIndex: 1 }, { unique: true, sparse: true });
schema.index({ unrecorded: 1 });
schema.index({ erasedFor: 1 }, { sparse: true });

/** Which page of a list is asked for: everything issued before this place, the newest first. */
export interface Page {
  limit: number;
  before: { issuedAt: Date; credentialId: string } | null;
}

/** What of a holder's credentials is asked for. */
export interface ListFilter {
  subjectDids: string[];
  type?: string | undefined;
  issuer?: string | undefined;
  /** Only those with uses left that have not expired at this time; null for all. */
  usableAt: Date | null;
}

/** What of an issuer's credentials is asked for. */
export interface IssuedFilter {
  issuer: string;
  subjectDid?: string | undefined;
  type?: string | undefined;
  status?: Credential["status"] | undefined;
}

/** What is known of uses that are to be logged; nothing of it is encrypted. */
export type UnrecordedUses = Pick<Credential, "credentialId" | "issuer" | "subjectDid" | "uses" | "unrecorded">;

/** The uses of a credential, by their verifications' ids. */
export interface CountedUses extends Pick<Credential, "credentialId" | "credId" | "maxUsages"> {
  verificationIds: string[];
}

/** The collection `credentials`. */
export interface CredentialStore {
  /** False when its id or the issuer's reference is taken. */
  insert(credential: Credential): Promise<boolean>;
  /** Null also for one that was erased. */
  find(credentialId: string): Promise<Credential | null>;
  /** Decrypts the JWT alone. */
  findToVerify(credentialId: string): Promise<CredentialToVerify | null>;
  /** Where a credential is on the chain, also of one that was erased. */
  findCredId(credentialId: string): Promise<{ credId: string } | null>;
  findByCredId(credId: string): Promise<Credential | null>;
  findByReference(issuer: string, reference: string): Promise<Credential | null>;
  /** Those of the issuer among these, in no order. */
  ofIssuer(issuer: string, credentialIds: string[]): Promise<Credential[]>;
  /** What an issuer issued, without uses. */
  issuedBy(filter: IssuedFilter, page: Page): Promise<Credential[]>;
  /** Without their uses. */
  ofHolder(filter: ListFilter, page: Page): Promise<Credential[]>;
  /**
   * Takes one use of a credential by one conditional write: while it is ACTIVE, not held, not expired at the
   * use's time, with uses left, and not used by this verification before. The last use makes it USED.
   *
   * @param maxUsages the credential's own, which never changes
   * @returns whether it was taken; of any number of callers as many get true as there are uses left
   */
  takeUse(credentialId: string, maxUsages: number, taken: Use): Promise<boolean>;
  /** Credentials with uses that are not known to be in the usage log. */
  unrecorded(limit: number): Promise<UnrecordedUses[]>;
  /** Marks these uses as recorded in the usage log: from now on that alone has the IP addresses they came from. */
  markRecorded(credentialId: string, verificationIds: string[]): Promise<void>;
  /** The uses of credentials in the order in which they were taken, also of those that were erased. */
  usesOf(credentialIds: string[]): Promise<CountedUses[]>;
  /** Bars credentials of the issuer from use; one that is revoked stays so. */
  hold(issuer: string, credentialIds: string[], hold: Hold): Promise<void>;
  /** Lifts the hold of a change that failed. */
  releaseHold(credentialIds: string[], changeId: string): Promise<void>;
  /** Lifts every suspension of these. */
  liftSuspension(credentialIds: string[]): Promise<void>;
  /** The ids of all credentials of these DIDs, and of those that were erased for the user. */
  idsOf(person: { userId: string; dids: string[] }): Promise<string[]>;
  /**
   * Takes claims, JWT, reference and holder out of all credentials of these DIDs. Whatever has not taken a use by then
   * never will. Ids, type, times and status stay, for their issuers.
   */
  erase(person: { userId: string; dids: string[] }): Promise<void>;
}

/** Creates the store of credentials. */
export function createCredentialStore(deps: {
  mongo: Mongo;
  fields: FieldCipher;
  blindIndex: BlindIndex;
}): CredentialStore {
  const { mongo, fields, blindIndex } = deps;
  const model = mongo.model<Stored>("Credential", schema);
  const raw = rawCollection<Stored>(mongo, "credentials");

  const indexOf = (issuer: string, reference: string) =>
    blindIndex("credentials.reference", JSON.stringify([issuer, reference]));
  async function page(filter: QueryFilter<Stored>, { limit, before }: Page): Promise<Credential[]> {
    const wanted = { ...filter, ...pageFilter(before) };
    const found = await model.find(wanted, { uses: 0 }).sort({ issuedAt: -1, _id: 1 }).limit(limit).lean();
    return decryptAll(found.map((stored) => ({ ...stored, uses: [] })));
  }
  const decryptAll = (found: Stored[]) => Promise.all(found.map((stored) => decrypt(fields, stored)));
  const decryptOne = async (found: Stored | null) => (found === null ? null : decrypt(fields, found));

  return {
    async insert(credential) {
      const { issuer, reference } = credential;
      const referenceIndex = reference === null ? undefined : await indexOf(issuer, reference);
      try {
        const encrypted = await encryptCredential(fields, credential);
        await model.create({ ...encrypted, ...(referenceIndex !== undefined && { referenceIndex }) });
        return true;
      } catch (error) {
        if (isDuplicateKey(error, "referenceIndex") || isDuplicateKey(error, "_id")) return false;
        throw error;
      }
    },
    async find(credentialId) {
      const found = await batchFindById<Stored>(mongo, "credentials", credentialId);
      return found === null || found.erasedFor !== undefined ? null : decrypt(fields, found);
    },
    async findToVerify(credentialId) {
      const found = await batchFindById<Stored>(mongo, "credentials", credentialId);
      return found === null || found.erasedFor !== undefined ? null : decryptToVerify(fields, found);
    },
    findCredId: (credentialId) => model.findById(credentialId, { _id: 0, credId: 1 }).lean(),
    findByCredId: async (credId) => decryptOne(await model.findOne({ credId }).lean()),
    findByReference: async (issuer, reference) =>
      decryptOne(await model.findOne({ referenceIndex: await indexOf(issuer, reference) }).lean()),
    async ofIssuer(issuer, credentialIds) {
      return decryptAll(await model.find({ _id: { $in: credentialIds }, issuer }).lean());
    },
    issuedBy: ({ issuer, subjectDid, type, status }, at) =>
      page(
        {
          issuer,
          ...(subjectDid !== undefined && { subjectDid }),
          ...(type !== undefined && { type }),
          ...(status !== undefined && { status }),
        },
        at,
      ),
    ofHolder: (filter, at) => page(filterOf(filter), at),
    takeUse: (credentialId, maxUsages, taken) => takeUse(raw, { credentialId, maxUsages, taken }),
    async unrecorded(limit) {
      // Matches documents whose list holds any id at all, and can be answered from the index.
      const found = await model
        .find({ unrecorded: { $gt: "" } }, { issuer: 1, subjectDid: 1, uses: 1, unrecorded: 1 })
        .limit(limit)
        .lean();
      return found.map(({ _id, issuer, subjectDid, uses, unrecorded }) => ({
        credentialId: _id,
        issuer,
        subjectDid,
        uses,
        unrecorded,
      }));
    },
    async markRecorded(credentialId, verificationIds) {
      await raw.updateOne(
        { _id: credentialId },
        { $pull: { unrecorded: { $in: verificationIds } }, $set: { "uses.$[recorded].ip": "" } },
        { arrayFilters: [{ "recorded.verificationId": { $in: verificationIds } }] },
      );
    },
    async usesOf(credentialIds) {
      const found = await model.find({ _id: { $in: credentialIds } }, { credId: 1, maxUsages: 1, uses: 1 }).lean();
      return found.map(({ _id, credId, maxUsages, uses }) => ({
        credentialId: _id,
        credId,
        maxUsages,
        verificationIds: uses.map(({ verificationId }) => verificationId),
      }));
    },
    async hold(issuer, credentialIds, hold) {
      await model.updateMany(
        { _id: { $in: credentialIds }, issuer, "hold.change": { $ne: "revoke" } },
        { $set: { hold } },
      );
    },
    async releaseHold(credentialIds, changeId) {
      await model.updateMany({ _id: { $in: credentialIds }, "hold.changeId": changeId }, { $set: { hold: null } });
    },
    async liftSuspension(credentialIds) {
      await model.updateMany({ _id: { $in: credentialIds }, "hold.change": "suspend" }, { $set: { hold: null } });
    },
    async idsOf({ userId, dids }) {
      const found = await model
        .find({ $or: [{ subjectDid: { $in: dids } }, { erasedFor: userId }] }, { _id: 1 })
        .lean();
      return found.map(({ _id }) => _id);
    },
    async erase({ userId, dids }) {
      await raw.updateMany(
        { subjectDid: { $in: dids } },
        {
          $set: {
            claims: null,
            jwt: null,
            reference: null,
            subjectDid: "",
            erasedFor: userId,
            "uses.$[].presenterDid": "",
            "uses.$[].ip": "",
          },
          $unset: { referenceIndex: 1 },
        },
      );
    },
  };
}

/** Everything after the last credential of the page before. */
function pageFilter(before: Page["before"]): QueryFilter<Stored> {
  if (before === null) return {};
  const { issuedAt, credentialId } = before;
  return { $or: [{ issuedAt: { $lt: issuedAt } }, { issuedAt, _id: { $gt: credentialId } }] };
}

function filterOf({ subjectDids, type, issuer, usableAt }: ListFilter): QueryFilter<Stored> {
  return {
    subjectDid: { $in: subjectDids },
    ...(type !== undefined && { type }),
    ...(issuer !== undefined && { issuer }),
    ...(usableAt !== null && { status: "ACTIVE" as const, expiresAt: { $gt: usableAt } }),
  };
}

async function takeUse(
  raw: ReturnType<typeof rawCollection<Stored>>,
  { credentialId, maxUsages, taken }: { credentialId: string; maxUsages: number; taken: Use },
): Promise<boolean> {
  const usable = {
    _id: credentialId,
    status: "ACTIVE" as const,
    hold: null,
    jwt: { $type: "string" as const },
    expiresAt: { $gt: taken.usedAt },
    "uses.verificationId": { $ne: taken.verificationId },
  };
  const change = { $inc: { usageCount: 1 }, $push: { uses: taken, unrecorded: taken.verificationId } };
  if (maxUsages > 1) {
    const notLast = await raw.updateOne({ ...usable, usageCount: { $lt: maxUsages - 1 } }, change);
    if (notLast.modifiedCount === 1) return true;
  }
  // The count only grows: a use that was not taken above is the last one, or there is none.
  const last = await raw.updateOne(
    { ...usable, usageCount: maxUsages - 1 },
    { ...change, $set: { status: "USED" as const } },
  );
  return last.modifiedCount === 1;
}

function placeOf(field: (typeof ENCRYPTED_CREDENTIAL_FIELDS.fields)[number], id: string) {
  return { collection: ENCRYPTED_CREDENTIAL_FIELDS.collection, field, id };
}

/** Encrypts what is personal of a credential: it is stored like this. */
export async function encryptCredential(
  fields: FieldCipher,
  { credentialId, claims, jwt, reference, ...rest }: Credential,
): Promise<Stored> {
  const _id = credentialId;
  return {
    ...rest,
    _id,
    claims: await fields.encrypt(placeOf("claims", _id), JSON.stringify(claims)),
    jwt: await fields.encrypt(placeOf("jwt", _id), jwt),
    reference: await encryptOptional(fields, placeOf("reference", _id), reference),
  };
}

async function decrypt(fields: FieldCipher, stored: Stored): Promise<Credential> {
  const { _id, claims, reference } = stored;
  return {
    ...(await decryptToVerify(fields, stored)),
    claims:
      claims === null ? {} : (JSON.parse(await fields.decrypt(placeOf("claims", _id), claims)) as Credential["claims"]),
    reference: await decryptOptional(fields, placeOf("reference", _id), reference),
  };
}

async function decryptToVerify(
  fields: FieldCipher,
  { _id, claims: _claims, reference: _reference, referenceIndex: _index, erasedFor: _for, jwt, ...rest }: Stored,
): Promise<CredentialToVerify> {
  return { ...rest, credentialId: _id, jwt: jwt === null ? "" : await fields.decrypt(placeOf("jwt", _id), jwt) };
}
