import { defineEndpoint, type Endpoint, type RejectionDescription } from "../../http/endpoint";
import { verificationParams } from "../schemas";
import { DID_DEACTIVATED } from "../usage/routes";
import { type DeclineDeps, declineRequest } from "./actions";
import { declineBody, declineReply, showDeclined } from "./schemas";

const REJECTIONS: RejectionDescription[] = [
  {
    code: "verification.unknown",
    kind: "not_found",
    meaning: "There is no such verification of the caller's credentials.",
  },
  { code: "verification.decided", kind: "conflict", meaning: "It was answered before." },
  { code: "verification.challenge_expired", kind: "gone", meaning: "It ended before: nobody answered in time." },
  DID_DEACTIVATED,
];

/** Holders' refusals of verifiers' requests. */
export function declineEndpoint(deps: DeclineDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/verify/:id/decline",
    tag: "Verification",
    summary: "Decline what a verifier asks",
    description:
      "By the holder's session. The verifier is told at once (`declined`, webhook `verification.declined`) and reads the reason with GET /verify/{id}. Declining again gives the first answer.",
    auth: "session",
    params: verificationParams,
    body: declineBody,
    replies: { 200: { description: "Declined.", schema: declineReply } },
    rejections: REJECTIONS,
    handle: async ({ params, body, caller }) => {
      const { userId } = caller;
      const declined = await declineRequest(deps, { userId, verificationId: params.id, reason: body.reason ?? null });
      return { status: 200, body: showDeclined(declined) };
    },
  });
}
