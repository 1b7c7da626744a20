import { z } from "zod";
import { assertNever } from "../../../core/errors";
import { dcqlQuery } from "../dcql/query";
import type { CreatedRequest } from "../requests/actions";
import { RESPONSE_MODES } from "../requests/requestObject";
import type { PresentationRequest } from "../rules";
import type { VerificationState } from "./rules";

export const createBody = z.strictObject({
  dcql_query: dcqlQuery,
  accepted_issuer_dids: z
    .array(z.string().min(1).max(2_048))
    .max(256)
    .default([])
    .meta({ description: "Issuers, as the credentials name them; any that is trusted when empty" }),
  response_mode: z.enum(RESPONSE_MODES).default("direct_post.jwt"),
  jwt_secured_authorization_request: z.literal(true, "must be true: every request here is signed").default(true),
});

export const verificationReply = z.strictObject({
  id: z.string(),
  request_nonce: z.string(),
  state: z.enum(["PENDING", "SUCCESS", "FAILED"]),
  dcql_query: dcqlQuery,
  wallet_response: z
    .strictObject({
      error_code: z.string().optional(),
      error_description: z.string().optional(),
      credential_subject_data: z
        .record(z.string(), z.unknown())
        .optional()
        .meta({ description: "The claims; by the id of the credential query where several were asked for" }),
    })
    .nullable(),
  verification_url: z.string().meta({ description: "Where the wallet fetches the request" }),
  verification_deeplink: z.string().meta({ description: "The wallet's link; show it as a QR code" }),
});

/** A verification as its owner sees it. */
export function showVerification(
  request: PresentationRequest,
  { walletUrl, requestUri }: Pick<CreatedRequest, "walletUrl" | "requestUri">,
  state: Exclude<VerificationState, { state: "expired" }>,
): z.input<typeof verificationReply> {
  return {
    id: request.requestId,
    request_nonce: request.nonce,
    ...answerOf(state),
    dcql_query: request.query,
    verification_url: requestUri,
    verification_deeplink: walletUrl,
  };
}

function answerOf(
  state: Exclude<VerificationState, { state: "expired" }>,
): Pick<z.input<typeof verificationReply>, "state" | "wallet_response"> {
  switch (state.state) {
    case "pending":
      return { state: "PENDING", wallet_response: null };
    case "verified":
      return { state: "SUCCESS", wallet_response: { credential_subject_data: state.claims } };
    case "failed": {
      const { errorCode, errorDescription } = state;
      return { state: "FAILED", wallet_response: { error_code: errorCode, error_description: errorDescription } };
    }
    default:
      return assertNever(state);
  }
}
