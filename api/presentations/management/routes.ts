import { DomainError } from "../../../core/errors";
import { defineEndpoint, type Endpoint, type EndpointLimit, type RejectionDescription } from "../../http/endpoint";
import { linksOf, type CreateRequestDeps } from "../requests/actions";
import type { RequestSigner } from "../requests/requestSigner";
import * as requestShapes from "../schemas";
import type { PresentationStore } from "../store";
import { createVerification, markRead, readVerification } from "./actions";
import { createBody, showVerification, verificationReply } from "./schemas";

const TAG = "Presentations";
const PATH = "/management/api/verifications";

const CREATE_LIMIT: EndpointLimit = { name: "management-verifications", limit: 600, windowSeconds: 60, by: "user" };

/** Of every operation that makes or signs a request. */
export const NOT_CONFIGURED: RejectionDescription = {
  code: "presentation.not_configured",
  kind: "not_implemented",
  meaning: "This installation has no certificate to sign requests with.",
};

export interface ManagementDeps extends Omit<CreateRequestDeps, "signer" | "presentations"> {
  presentations: Pick<PresentationStore, "insert" | "find" | "markTaken">;
  signer(): Promise<RequestSigner>;
}

/** The management API of swiyu verifiers, so that a gateway elsewhere can use this verifier. */
export function managementEndpoints(deps: ManagementDeps): Endpoint[] {
  return [createEndpoint(deps), readEndpoint(deps)];
}

function createEndpoint(deps: ManagementDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: PATH,
    tag: TAG,
    summary: "Create a verification, as at a swiyu verifier",
    description:
      "For gateways that speak the management API of swiyu verifiers. A wallet may take 15 minutes. Where the verifier has a webhook, it gets `verification_id` and `timestamp` once a wallet answered.",
    auth: "verifier",
    body: createBody,
    limit: CREATE_LIMIT,
    replies: { 200: { description: "The verification; it waits for a wallet.", schema: verificationReply } },
    rejections: [NOT_CONFIGURED],
    handle: async ({ body, caller }) => {
      const created = await createVerification(
        { ...deps, signer: await deps.signer() },
        {
          ownerId: caller.accountId,
          query: body.dcql_query,
          responseMode: body.response_mode,
          acceptedIssuers: body.accepted_issuer_dids,
        },
      );
      const reply = showVerification(created.request, created, { state: "pending" });
      return { status: 200, headers: { "cache-control": "no-store" }, body: reply };
    },
  });
}

function readEndpoint(deps: ManagementDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: `${PATH}/:id`,
    tag: TAG,
    summary: "Read a verification, as at a swiyu verifier",
    description:
      "Readable for a minute after the first read of its end; then the claims are erased, and it is unknown, as one whose time passed is.",
    auth: "verifier",
    quiet: true,
    params: requestShapes.requestParams,
    replies: { 200: { description: "PENDING, SUCCESS or FAILED.", schema: verificationReply } },
    rejections: [
      {
        code: "presentation.unknown_verification",
        kind: "not_found",
        meaning: "There is no such verification of yours, or its time passed, or its claims were read and erased.",
      },
    ],
    headReply: { status: 200 },
    handle: async ({ params, caller }) => {
      const owned = { verificationId: params.id, ownerId: caller.accountId };
      const { request, state } = await readVerification(deps, owned);
      if (request === null || state.state === "expired") throw unknownVerification();
      if (state.state !== "pending") await markRead(deps, request);
      const body = showVerification(request, linksOf(deps, request), state);
      return { status: 200, headers: { "cache-control": "no-store" }, body };
    },
  });
}

function unknownVerification(): DomainError {
  const message = "There is no such verification of yours, or its time passed.";
  return new DomainError("presentation.unknown_verification", "not_found", message);
}
