import { z } from "zod";
import { DomainError } from "../../core/errors";
import type { JsonObject } from "../../core/json";
import { type PublicJwk, publicJwkOf } from "../../core/keys/verifyJws";
import { reservedNameIn } from "../../core/sdJwt/claimNames";
import { type ClaimPath, countClaims } from "../../core/sdJwt/conceal";
import { accountAddress, accountDid } from "../http/accountFields";
import type { CredentialForm, ShownCredential } from "./actions";
import { ISSUED_FORMATS, type IssuedFormat, MAX_USAGES, SHOWN_STATUSES } from "./rules";
import { termProblemOf } from "./types/claimTerms";
import { MAX_CLAIM_DEPTH, MAX_CLAIM_NAME_LENGTH, sizeProblemOf } from "./types/rules";
import { typeName } from "./types/schemas";

const moment = z.iso.datetime();
const claims = z.record(z.string(), z.unknown());

/** An SD-JWT VC of more disclosures is too large to be presented. */
const MAX_DISCLOSABLE = 200;
const MAX_DECOYS = 50;

const claimPath = z
  .union([
    z.string().max(MAX_CLAIM_NAME_LENGTH),
    z
      .array(z.union([z.string().max(MAX_CLAIM_NAME_LENGTH), z.int().nonnegative(), z.null()]))
      .min(1)
      .max(MAX_CLAIM_DEPTH),
  ])
  .transform((path) => (typeof path === "string" ? [path] : path))
  .meta({ description: "A claim's name, or the path to it: names, places in arrays, null for every element" });

const holderKey = z
  .looseObject({ kty: z.enum(["EC", "OKP"]), crv: z.string(), x: z.string(), y: z.string().optional() })
  .transform((jwk, { addIssue }): PublicJwk => {
    try {
      return publicJwkOf(jwk);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  })
  .meta({ description: "Public JWK (P-256, P-384, secp256k1 or Ed25519)" });

/** What an issuer says to have a credential made as SD-JWT VC. */
export const sdJwtFields = {
  disclosable: z
    .array(claimPath)
    .max(MAX_DISCLOSABLE)
    .optional()
    .meta({ description: "`dc+sd-jwt`: the claims that the holder may withhold; every top-level one when absent" }),
  decoys: z
    .int()
    .min(0)
    .max(MAX_DECOYS)
    .optional()
    .meta({ description: "`dc+sd-jwt`: digests of nothing, which hide how many claims there are" }),
};

export const issueFields = {
  subjectDid: accountDid.meta({ description: "The holder's DID" }),
  type: typeName,
  claims: claims
    .refine((given) => !("id" in given), "may not have `id`: that is the subject's DID")
    .superRefine((given, { addIssue }) => {
      const problem = sizeProblemOf(given) ?? termProblemOf(given);
      if (problem !== undefined) addIssue({ code: "custom", message: problem });
    })
    .meta({ description: "At most 16 KiB, 1,000 values and 16 levels" }),
  maxUsages: z.int().min(1).max(MAX_USAGES).default(1).meta({ description: "How often it can be verified" }),
  expiresAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .optional()
    .meta({ description: "Whole seconds; the issuer's default validity when absent" }),
};

export const issueBody = z
  .strictObject({
    ...issueFields,
    reference: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .meta({ description: "The issuer's own name for it: issuing again returns the first" }),
    format: z.enum(ISSUED_FORMATS).default("vc+jwt"),
    ...sdJwtFields,
    holderKey: holderKey.optional().meta({
      description: "`dc+sd-jwt`: the key that presents it (`cnf`); the controller of the subject's DID when absent",
    }),
  })
  .superRefine(({ format, claims: given, disclosable, decoys, holderKey: key }, { addIssue }) => {
    if (format === "dc+sd-jwt") {
      requireSdJwtClaims(given, disclosable, addIssue);
      return;
    }
    for (const [name, value] of Object.entries({ disclosable, decoys, holderKey: key })) {
      if (value !== undefined) addIssue({ code: "custom", path: [name], message: "is for the format dc+sd-jwt" });
    }
  })
  .transform(({ format, disclosable, decoys, holderKey: key, ...rest }) => ({
    ...rest,
    form: formOf(format, { claims: rest.claims, disclosable, decoys, holderKey: key ?? null }),
  }));

/** Names what of the claims cannot be in an SD-JWT VC, or be disclosed by itself. */
export function requireSdJwtClaims(
  given: Record<string, unknown>,
  disclosable: ClaimPath[] | undefined,
  addIssue: (issue: { code: "custom"; path: (string | number)[]; message: string }) => void,
): void {
  const reserved = reservedNameIn(given as JsonObject);
  if (reserved !== undefined) {
    addIssue({ code: "custom", path: ["claims", reserved], message: "has a name that an SD-JWT VC needs for itself" });
  }
  const paths = disclosable ?? topLevelPaths(given);
  let count = 0;
  paths.forEach((path, place) => {
    const claimed = countClaims(given as JsonObject, path);
    if (claimed === 0)
      addIssue({ code: "custom", path: ["disclosable", place], message: "leads to none of the claims" });
    count += claimed;
  });
  if (count <= MAX_DISCLOSABLE) return;
  addIssue({ code: "custom", path: ["disclosable"], message: `are ${count} claims: ${MAX_DISCLOSABLE} at most` });
}

/** The paths of all top-level claims. */
export function topLevelPaths(given: Record<string, unknown>): ClaimPath[] {
  return Object.keys(given).map((name) => [name]);
}

function formOf(
  format: IssuedFormat,
  asked: {
    claims: Record<string, unknown>;
    disclosable: ClaimPath[] | undefined;
    decoys: number | undefined;
    holderKey: PublicJwk | null;
  },
): CredentialForm {
  if (format === "vc+jwt") return { format };
  const disclosable = asked.disclosable ?? topLevelPaths(asked.claims);
  return { format, disclosable, decoys: asked.decoys ?? 0, holderKey: asked.holderKey };
}

export const listQuery = z.strictObject({
  status: z.enum(["active", "all"]).default("active").meta({ description: "`active`: usable now" }),
  type: typeName.optional(),
  issuer: accountAddress.optional(),
  userId: z.string().max(100).optional().meta({ description: "The caller's own; another's is refused" }),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(200).optional().meta({ description: "`next` of the page before" }),
});

export const issuedQuery = z.strictObject({
  subjectDid: accountDid.optional().meta({ description: "Those of this holder" }),
  type: typeName.optional(),
  status: z
    .enum(["ACTIVE", "USED"])
    .optional()
    .meta({ description: "Whether uses are left; what the chain says of each is in its `status`" }),
  reference: z.string().min(1).max(200).optional().meta({ description: "The issuer's own name of one credential" }),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(200).optional().meta({ description: "`next` of the page before" }),
});

const credentialId = z.uuid().meta({ description: "The credential's id" });
export const idParams = z.strictObject({ id: credentialId });

export const shareQuery = z.strictObject({
  format: z
    .enum(["json", "svg", "png"])
    .default("json")
    .meta({ description: "The payload with both, or one picture alone" }),
});

export const credentialReply = z.strictObject({
  credentialId: z.uuid(),
  credId: z.string().meta({ description: "Its name on the chain" }),
  type: z.string(),
  issuer: z.strictObject({ did: z.string(), address: z.string(), name: z.string() }),
  subject: z.string().meta({ description: "The holder's DID" }),
  status: z.enum(SHOWN_STATUSES),
  changeUnderWay: z
    .enum(["revoke", "suspend"])
    .nullable()
    .meta({ description: "Asked for by the issuer, not yet seen on the chain" }),
  usageCount: z.int(),
  maxUsages: z.int(),
  claims: z.record(z.string(), z.unknown()),
  issuedAt: moment,
  expiresAt: moment,
  reference: z.string().nullable(),
  format: z.enum(ISSUED_FORMATS),
  jwt: z.string().meta({ description: "As its issuer signed it; a dc+sd-jwt with every disclosure" }),
});
export const issuedReply = z.strictObject({ credentials: z.array(credentialReply), next: z.string().nullable() });
export const listReply = z.strictObject({
  credentials: z.array(credentialReply),
  dids: z
    .array(
      z.strictObject({ did: z.string(), control: z.enum(["controlled", "transferred", "deactivated", "unverified"]) }),
    )
    .meta({
      description:
        "The DIDs of the user's wallets and those that they control beside; credentials of DIDs that were transferred to another account, were deactivated or whose events the index may lack are not listed",
    }),
  next: z.string().nullable(),
});

export const shareReply = z.strictObject({
  payload: z.strictObject({
    credentialId: z.uuid(),
    subjectDid: z.string(),
    issuer: z.string(),
    type: z.string(),
    timestamp: moment,
    verify: z.url(),
  }),
  svg: z.string(),
  png: z.string().meta({ description: "As a data URL" }),
});

/** A credential as it goes out. */
export function showCredential({ credential, status }: ShownCredential): z.input<typeof credentialReply> {
  const { hold, issuerDid, issuer, issuerName } = credential;
  return {
    credentialId: credential.credentialId,
    credId: credential.credId,
    type: credential.type,
    issuer: { did: issuerDid, address: issuer, name: issuerName },
    subject: credential.subjectDid,
    status,
    changeUnderWay: status === "REVOKED" || status === "SUSPENDED" ? null : (hold?.change ?? null),
    usageCount: credential.usageCount,
    maxUsages: credential.maxUsages,
    claims: credential.claims,
    issuedAt: credential.issuedAt.toISOString(),
    expiresAt: credential.expiresAt.toISOString(),
    reference: credential.reference,
    format: credential.format,
    jwt: credential.jwt,
  };
}

/** The place after which the next page begins. */
export function writeCursor({ issuedAt, credentialId: id }: { issuedAt: Date; credentialId: string }): string {
  return Buffer.from(`${issuedAt.toISOString()} ${id}`).toString("base64url");
}

/** @throws DomainError `credential.cursor_invalid` */
export function readCursor(cursor: string): { issuedAt: Date; credentialId: string } {
  const [time = "", id = ""] = Buffer.from(cursor, "base64url").toString().split(" ");
  const issuedAt = new Date(time);
  if (!Number.isNaN(issuedAt.getTime()) && id !== "") return { issuedAt, credentialId: id };
  throw new DomainError(
    "credential.cursor_invalid",
    "invalid",
    "The cursor is none of ours: send back `next` as it came.",
  );
}
