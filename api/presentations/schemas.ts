import { z } from "zod";
import { dcqlQuery } from "./dcql/query";
import { CREDENTIAL_STATUSES } from "./flow/verifier";
import { CREDENTIAL_FORMATS } from "./formats/rules";
import { RESPONSE_MODES } from "./requests/requestObject";
import type { CreatedRequest } from "./requests/actions";
import type { PresentationResult } from "./results/actions";
import { FLOWS, type PresentedCredential, REQUEST_STATUSES } from "./rules";

const REQUEST_ID = /^req_[0-9a-f-]{36}$/;

export const requestParams = z.strictObject({
  id: z.string().regex(REQUEST_ID, "must be a request's id: req_ and a UUID"),
});

export const transactionParams = z.strictObject({
  transactionId: z.string().regex(/^txn_[A-Za-z0-9_-]{43}$/, "must be a transaction's id: txn_ and 43 characters"),
});

const createFields = z.strictObject({
  clientId: z
    .string()
    .min(1)
    .max(2_048)
    .optional()
    .meta({ description: "Taken for compatibility with Inji Verify; Cairn's own identifier is used" }),
  transactionId: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .meta({ description: "Taken for compatibility with Inji Verify; Cairn draws its own, which nobody can guess" }),
  responseUri: z
    .string()
    .min(1)
    .max(2_048)
    .optional()
    .meta({ description: "Taken for compatibility with Inji Verify; wallets answer Cairn" }),
  presentationDefinitionId: z
    .string()
    .max(256)
    .optional()
    .meta({ description: "Refused with the reason: there are no stored definitions" }),
  nonce: z
    .string()
    .regex(/^[A-Za-z0-9._~-]{22,128}$/, "must be 22 to 128 unreserved characters, never used before")
    .optional(),
  dcqlQuery: dcqlQuery.optional(),
  dcql_query: dcqlQuery.optional(),
  presentationDefinition: z.record(z.string(), z.unknown()).optional(),
  flow: z.enum(FLOWS).default("cross_device"),
  responseMode: z.enum(RESPONSE_MODES).default("direct_post.jwt"),
  redirectUri: z
    .url()
    .max(2_048)
    .optional()
    .meta({ description: "Where the wallet sends the browser; registered with the verifier" }),
});

/**
 * OpenID4VP 1.0 §14.3: on one device, without a way back there is no response code, and anybody could have begun; from
 * another device nobody comes back, and what the wallet opened there would be a browser that did not begin.
 */
export const createBody = createFields
  .refine(({ flow, redirectUri }) => flow !== "same_device" || redirectUri !== undefined, {
    path: ["redirectUri"],
    message: "is required with same_device: the response code returns by it",
  })
  .refine(({ flow, redirectUri }) => flow !== "cross_device" || redirectUri === undefined, {
    path: ["redirectUri"],
    message:
      "is not taken with cross_device, since nobody comes back from another device: leave it out, or ask with same_device",
  });

const authorizationDetails = z.strictObject({
  responseType: z.literal("vp_token"),
  responseMode: z.enum(RESPONSE_MODES),
  clientId: z.string(),
  nonce: z.string(),
  responseUri: z.string(),
  issuedAt: z.int(),
  dcqlQuery,
});

export const createReply = z.strictObject({
  transactionId: z.string().meta({ description: "Opens the result; never give it to the wallet" }),
  requestId: z.string(),
  requestUri: z.string().meta({ description: "Where the wallet fetches the request" }),
  authorizationUrl: z.string().meta({ description: "The wallet's link; show it as a QR code on another device" }),
  expiresAt: z.int().meta({ description: "Milliseconds since the epoch" }),
  authorizationDetails,
});

/** A request as its maker sees it. */
export function showCreated(created: CreatedRequest, responseUri: string): z.input<typeof createReply> {
  const { request, transactionId, walletUrl, requestUri } = created;
  return {
    transactionId,
    requestId: request.requestId,
    requestUri,
    authorizationUrl: walletUrl,
    expiresAt: request.expiresAt.getTime(),
    authorizationDetails: {
      responseType: "vp_token",
      responseMode: request.responseMode,
      clientId: request.clientId,
      nonce: request.nonce,
      responseUri,
      issuedAt: request.createdAt.getTime(),
      dcqlQuery: request.query,
    },
  };
}

export const statusQuery = z.strictObject({
  waitSeconds: z.coerce.number().int().min(0).max(55).default(0).meta({ description: "Wait so long for an answer" }),
});

export const statusReply = z.strictObject({
  requestId: z.string(),
  status: z.enum(REQUEST_STATUSES),
  timestamp: z.iso.datetime(),
});

export const submissionReply = z.strictObject({ redirect_uri: z.string().optional() });

export const submissionError = z.strictObject({ error: z.string(), error_description: z.string() });

export const resultQuery = z.strictObject({
  response_code: z.string().min(1).max(200).optional().meta({ description: "What the browser came back with" }),
});

export const resultReply = z.strictObject({
  transactionId: z.string(),
  vpResultStatus: z.enum(["SUCCESS", "FAILED"]),
  result: z.enum(["valid", "invalid"]),
  reason: z.string().nullable(),
  vcResults: z.array(z.strictObject({ vc: z.string(), verificationStatus: z.enum(CREDENTIAL_STATUSES) })),
  verificationDetails: z.strictObject({
    requestId: z.string(),
    decidedAt: z.iso.datetime(),
    message: z.string().nullable(),
    sessionId: z.uuid().optional().meta({ description: "Of a flow, as its audit record has it" }),
    credentialType: z.string().optional(),
    issuer: z.string().nullable().optional(),
    validationTimestamp: z.iso.datetime().optional(),
    verifierLibraryVersion: z.string().nullable().optional(),
    credentials: z.array(
      z.strictObject({
        queryId: z.string(),
        format: z.enum(CREDENTIAL_FORMATS),
        issuer: z.string(),
        types: z.array(z.string()),
        claims: z.record(z.string(), z.unknown()).meta({ description: "In the credential's own structure" }),
      }),
    ),
  }),
});

/** A result as its owner reads it: Inji's members, and the claims that were asked for. */
export function showResult(
  transactionId: string,
  { request, credentials }: PresentationResult,
): z.input<typeof resultReply> {
  const { verdict, requestId } = request;
  if (verdict === null) throw new RangeError("a result without a verdict cannot be shown");
  return {
    transactionId,
    vpResultStatus: verdict.result === "valid" ? "SUCCESS" : "FAILED",
    result: verdict.result,
    reason: verdict.reason,
    vcResults: credentials.map(({ credential }) => ({ vc: credential, verificationStatus: "SUCCESS" as const })),
    verificationDetails: {
      requestId,
      decidedAt: verdict.decidedAt.toISOString(),
      message: verdict.message,
      credentials: credentials.map(showCredential),
    },
  };
}

/** One credential as the relying party reads it: without its own text, which `vcResults` holds. */
export function showCredential({ queryId, format, issuer, types, claims }: PresentedCredential) {
  return { queryId, format, issuer, types, claims };
}
