import { z } from "zod";
import { DomainError } from "../../core/errors";
import { accountAddress, accountDid } from "../http/accountFields";
import type { ShownCredential } from "./actions";
import { MAX_USAGES, SHOWN_STATUSES } from "./rules";
import { termProblemOf } from "./types/claimTerms";
import { sizeProblemOf } from "./types/rules";
import { typeName } from "./types/schemas";

const moment = z.iso.datetime();
const claims = z.record(z.string(), z.unknown());

export const issueBody = z.strictObject({
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
  reference: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({ description: "The issuer's own name for it: issuing again returns the first" }),
});

export const listQuery = z.strictObject({
  status: z.enum(["active", "all"]).default("active").meta({ description: "`active`: usable now" }),
  type: typeName.optional(),
  issuer: accountAddress.optional(),
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
  jwt: z.string().meta({ description: "vc+jwt" }),
});
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
