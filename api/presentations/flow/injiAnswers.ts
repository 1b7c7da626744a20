import { z } from "zod";
import { REQUEST_STATUSES } from "../rules";
import { unreadable } from "./injiCalls";
import { CREDENTIAL_STATUSES } from "./verifier";

/** Answers of Inji Verify (0.15 to 0.18). What they have besides is passed over. */

const authorizationDetails = z.looseObject({
  responseType: z.literal("vp_token"),
  responseMode: z.string().max(50).nullish(),
  clientId: z.string().min(1).max(2_048),
  nonce: z.string().min(1).max(200),
  responseUri: z.string().min(1).max(2_048),
  presentationDefinition: z.record(z.string(), z.unknown()).nullish(),
  presentationDefinitionUri: z.string().min(1).max(2_048).nullish(),
});
export type AuthorizationDetails = z.infer<typeof authorizationDetails>;

const name = z.string().regex(/^[A-Za-z0-9._~-]{1,200}$/, "is no name");

export const createdAnswer = z
  .looseObject({
    transactionId: name,
    requestId: name,
    expiresAt: z.int().positive(),
    requestUri: z.string().min(1).max(2_048).nullish(),
    authorizationDetails: authorizationDetails.nullish(),
  })
  .refine(({ requestUri, authorizationDetails: details }) => (requestUri ?? details ?? null) !== null, {
    path: ["requestUri"],
    message: "is missing, and so are authorizationDetails",
  });

export const statusAnswer = z.looseObject({ status: z.enum(REQUEST_STATUSES) });

export const resultAnswer = z.looseObject({
  transactionId: z.string(),
  vpResultStatus: z.enum(["SUCCESS", "FAILED"]),
  vcResults: z.array(z.looseObject({ vc: z.string(), verificationStatus: z.enum(CREDENTIAL_STATUSES) })).max(64),
});
export type ResultAnswer = z.infer<typeof resultAnswer>;

/**
 * Reads an answer. It may hold a person's claims: the error names the fields that are wrong, and nothing of them.
 *
 * @throws VerifierCallError
 */
export function readAnswer<Schema extends z.ZodType>(schema: Schema, json: unknown): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw unreadable(`wrong are ${parsed.error.issues.map(({ path }) => path.join(".") || "all of it").join(", ")}`);
}
