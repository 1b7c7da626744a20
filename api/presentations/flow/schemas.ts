import { z } from "zod";
import { dcqlQuery } from "../dcql/query";
import { type resultReply, showCredential } from "../schemas";
import type { FlowResult } from "./flowResult";
import { DEVICES, FLOW_STATUSES } from "./rules";

export const createBody = z.strictObject({
  dcqlQuery: dcqlQuery.optional(),
  dcql_query: dcqlQuery.optional(),
  presentationDefinition: z.record(z.string(), z.unknown()).optional(),
  credentialType: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^\P{C}+$/u, "may hold printable characters alone: people read it")
    .optional()
    .meta({ description: "What is asked for, as the pages name it; by the query when absent" }),
  redirectUri: z
    .url()
    .max(2_048)
    .meta({ description: "Where the browser goes in the end; registered with the verifier" }),
  state: z
    .string()
    .min(1)
    .max(500)
    .regex(/^[\x21-\x7e]+$/, "must be printable ASCII characters")
    .optional()
    .meta({ description: "The relying party's own, bound to its session; goes back with the browser" }),
});

export const createReply = z.strictObject({
  sessionId: z.uuid(),
  transactionId: z.string().meta({ description: "Names the result, for `GET /vp-result/{transactionId}`" }),
  flowUrl: z.string().meta({ description: "Where to redirect the browser, once" }),
  expiresAt: z.int().meta({ description: "Milliseconds since the epoch; a browser must have begun by then" }),
});

export const beginParams = z.strictObject({ token: z.string().regex(/^[A-Za-z0-9_-]{43}$/, "must be a flow's token") });
export const flowParams = z.strictObject({ sessionId: z.uuid() });
export const assetParams = z.strictObject({ file: z.enum(["flow.js", "flow.css"]) });

export const walletForm = z.strictObject({ device: z.enum(DEVICES) });

export const statusReply = z.strictObject({
  status: z.enum(FLOW_STATUSES),
  expires_at: z.iso.datetime(),
  next: z.string().nullable().meta({ description: "Where the browser goes when it is over." }),
});

/** The result of a flow, in the members that the result of a request has, and with those of the verdict. */
export function showFlowResult({ session, presented }: FlowResult): z.input<typeof resultReply> {
  const { sessionId, transactionId, verificationResult: result, request } = session;
  if (result === null || request === null) throw new RangeError("a result without a verdict cannot be shown");
  const { isValid, reason, verificationDetails } = result;
  const { credentialType, issuer, validationTimestamp, verifierLibraryVersion } = verificationDetails;
  const decidedAt = validationTimestamp.toISOString();
  return {
    transactionId,
    vpResultStatus: isValid ? "SUCCESS" : "FAILED",
    result: isValid ? "valid" : "invalid",
    reason,
    vcResults: presented.vcResults,
    verificationDetails: {
      requestId: request.requestId,
      decidedAt,
      message: null,
      sessionId,
      credentialType,
      issuer,
      validationTimestamp: decidedAt,
      verifierLibraryVersion,
      credentials: presented.credentials.map(showCredential),
    },
  };
}
