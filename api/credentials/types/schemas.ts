import { z } from "zod";
import { accountAddress } from "../../http/accountFields";

export const typeName = z
  .string()
  .regex(
    /^[A-Z][A-Za-z0-9]{0,99}$/,
    "is not a type: give letters and digits, a capital first, such as EducationCredential",
  )
  .refine((name) => name !== "VerifiableCredential", "every credential is one: name what kind");

export const typeBody = z.strictObject({
  schema: z.record(z.string(), z.unknown()).meta({ description: "JSON Schema 2020-12 of the claims" }),
});

export const schemaParams = z.strictObject({
  schemaId: z.string().regex(/^[0-9a-f]{64}$/, "is not a schema's name: give 64 hexadecimal digits"),
});
export const issuerTypeParams = z.strictObject({ issuer: accountAddress, type: typeName });

export const typeMetadataReply = z.strictObject({
  vct: z.url(),
  name: z.string(),
  description: z.string(),
  claims: z.array(
    z.strictObject({ path: z.array(z.string()), mandatory: z.boolean(), sd: z.enum(["always", "allowed", "never"]) }),
  ),
});

export const typeParams = z.strictObject({ type: typeName });

export const typeReply = z.strictObject({ type: z.string(), schemaId: z.string(), schema: z.url() });
