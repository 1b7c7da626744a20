import type { IncomingMessage } from "node:http";
import type { VerifierContext } from "./context";
import { type HttpAnswer, readBody } from "./httpAnswer";
import type { Verification, VerificationRequest } from "./verifications";

export const MANAGEMENT_PATH = "/management/api/verifications";

/** The management API of a swiyu verifier: creates a verification, shows its state. */
export async function answerManagementRequest(
  context: VerifierContext,
  { request, pathname }: { request: IncomingMessage; pathname: string },
): Promise<HttpAnswer> {
  const { verifications, managementAuthorization } = context;
  if (managementAuthorization !== undefined && request.headers.authorization !== managementAuthorization)
    return { status: 401, body: { detail: "Unauthorized" } };
  if (request.method === "POST" && pathname === MANAGEMENT_PATH) {
    const body = JSON.parse(await readBody(request)) as Partial<VerificationRequest>;
    if (!Array.isArray(body.dcql_query?.credentials))
      return { status: 400, body: { detail: "dcql_query is required" } };
    return { status: 200, body: describe(context, verifications.create(body as VerificationRequest)) };
  }
  const found = verifications.find(pathname.slice(MANAGEMENT_PATH.length + 1));
  if (request.method !== "GET" || found === undefined)
    return { status: 404, body: { detail: "Verification not found" } };
  return { status: 200, body: describe(context, found) };
}

function describe({ url, clientId, deepLinkBase }: VerifierContext, verification: Verification) {
  const { id, requestNonce, state, request, walletResponse } = verification;
  const requestUri = `${url}/oid4vp/api/request-object/${id}`;
  const parameters = new URLSearchParams({ client_id: clientId, request_uri: requestUri });
  return {
    id,
    request_nonce: requestNonce,
    state,
    dcql_query: request.dcql_query,
    wallet_response: walletResponse,
    verification_url: requestUri,
    verification_deeplink: `${deepLinkBase}?${parameters.toString()}`,
  };
}
