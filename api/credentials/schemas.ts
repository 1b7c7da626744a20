import { z } from "zod";
import { DomainError } from "../../core/errors";
import type { ShownCredential } from "./actions";
import { CHANGE_STATES, type StatusChangeJob } from "./statusChanges/store";
import { MAX_USAGES, SHOWN_STATUSES, STATUS_CHANGES } from "./rules";

/** Most credentials one change of status may name: a word of the chain. */
const MAX_BATCH = 256;

const moment = z.iso.datetime();
const claims = z.record(z.string().max(100), z.unknown());

export const typeName = z
  .string()
  .regex(
    /^[A-Z][A-Za-z0-9]{0,99}$/,
    "is not a type: give letters and digits, a capital first, such as EducationCredential",
  )
  .refine((name) => name !== "VerifiableCredential", "every credential is one: name what kind");

export const issueBody = z.strictObject({
  subjectDid: z
    .string()
    .max(200)
    .meta({ description: "The holder's DID", examples: ["did:mychain:0x70997970c51812dc3a010c7d01b50e0d17dc79c8"] }),
  type: typeName,
  claims: claims
    .refine((given) => !("id" in given), "may not have `id`: that is the subject's DID")
    .refine((given) => JSON.stringify(given).length <= 16_384, "are too large: 16 KiB at most"),
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

export const typeBody = z.strictObject({
  schema: z.record(z.string(), z.unknown()).meta({ description: "JSON Schema 2020-12 of the claims" }),
});

export const listQuery = z.strictObject({
  status: z.enum(["active", "all"]).default("active").meta({ description: "`active`: usable now" }),
  type: typeName.optional(),
  issuer: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/, "is not an address: give 0x and 40 hexadecimal digits")
    .transform((text) => text.toLowerCase())
    .optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(200).optional().meta({ description: "`next` of the page before" }),
});

const credentialId = z.uuid().meta({ description: "The credential's id" });
export const idParams = z.strictObject({ id: credentialId });
export const schemaParams = z.strictObject({
  schemaId: z.string().regex(/^[0-9a-f]{64}$/, "is not a schema's name: give 64 hexadecimal digits"),
});
export const typeParams = z.strictObject({ type: typeName });

export const shareQuery = z.strictObject({
  format: z
    .enum(["json", "svg", "png"])
    .default("json")
    .meta({ description: "The payload with both, or one picture alone" }),
});

export const changeBody = z
  .strictObject({
    credentialId: credentialId.optional(),
    credentialIds: z.array(credentialId).min(1).max(MAX_BATCH).optional(),
  })
  .refine(({ credentialId: one, credentialIds: many }) => (one === undefined) !== (many === undefined), {
    message: "give either credentialId or credentialIds",
  });

const linkReply = z.string();
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
export const listReply = z.strictObject({ credentials: z.array(credentialReply), next: linkReply.nullable() });

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

export const typeReply = z.strictObject({ type: z.string(), schemaId: z.string(), schema: z.url() });

export const changeReply = z.strictObject({
  jobId: z.uuid(),
  change: z.enum(STATUS_CHANGES),
  status: z.enum(CHANGE_STATES).meta({ description: "`final` when the index shows it" }),
  credentialIds: z.array(z.uuid()),
  transactionHash: z.string().nullable(),
  blockNumber: z.int().nullable(),
  fault: z.string().nullable(),
  createdAt: moment,
  updatedAt: moment,
});

/** A credential as it goes out. */
export function replyOf({ credential, status }: ShownCredential): z.input<typeof credentialReply> {
  const { credentialId: id, credId, type, usageCount, maxUsages, claims: said, reference, jwt, hold } = credential;
  return {
    ...{ credentialId: id, credId, type, usageCount, maxUsages, claims: said, reference, jwt, status },
    issuer: { did: credential.issuerDid, address: credential.issuer, name: credential.issuerName },
    subject: credential.subjectDid,
    changeUnderWay: status === "REVOKED" || status === "SUSPENDED" ? null : (hold?.change ?? null),
    issuedAt: credential.issuedAt.toISOString(),
    expiresAt: credential.expiresAt.toISOString(),
  };
}

/** A change of status as it goes out. */
export function changeReplyOf({
  changeId,
  state,
  createdAt,
  updatedAt,
  ...job
}: StatusChangeJob): z.input<typeof changeReply> {
  const { change, credentialIds, transactionHash, blockNumber, fault } = job;
  const times = { createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
  return { jobId: changeId, change, status: state, credentialIds, transactionHash, blockNumber, fault, ...times };
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
