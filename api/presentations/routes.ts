import { DomainError } from "../../core/errors";
import type { Context } from "../../process/context";
import {
  defineEndpoint,
  type Endpoint,
  type EndpointLimit,
  type Reply,
  type RejectionDescription,
} from "../http/endpoint";
import { FORM_MEDIA_TYPE, isForm, uniqueParameters } from "../http/form";
import { readFlowResult, type ReadFlowResultDeps } from "./flow/flowResult";
import { NOT_CONFIGURED } from "./management/routes";
import { PresentationRejection } from "./rejection";
import { createRequest, type CreateRequestDeps, readRequestObject } from "./requests/actions";
import { ASKING_REJECTIONS, readAsked, requireReturnUrl, type ReturnUrlDeps } from "./requests/askedQuery";
import { responseUriOf } from "./requests/paths";
import { translateDefinition } from "./requests/presentationDefinition";
import { REQUEST_OBJECT_MEDIA_TYPE, type RequestSigner } from "./requests/requestSigner";
import { submitResponse, type SubmitDeps } from "./responses/actions";
import { MAX_RESPONSE_BYTES } from "./responses/encryption";
import { readResult, readStatus } from "./results/actions";
import { showFlowResult } from "./flow/schemas";
import * as shapes from "./schemas";
import type { PresentationStore } from "./store";

const TAG = "Presentations";

const CREATE_LIMIT: EndpointLimit = { name: "vp-request", limit: 600, windowSeconds: 60, by: "user" };
/** Responses of one address: each may cost signatures and a fetch. */
const SUBMIT_LIMIT: EndpointLimit = { name: "vp-submission", limit: 120, windowSeconds: 60, by: "address" };

const UNKNOWN_REQUEST: RejectionDescription = {
  code: "presentation.unknown_request",
  kind: "not_found",
  meaning: "There is no request of this id.",
};
export interface PresentationRouteDeps
  extends Omit<CreateRequestDeps, "signer">, SubmitDeps, ReturnUrlDeps, ReadFlowResultDeps {
  config: Pick<Context["config"], "http" | "presentations" | "sessions">;
  presentations: PresentationStore;
  signer(): Promise<RequestSigner>;
}

/** OpenID4VP 1.0: requests for presentations, wallets' responses, and results. */
export function presentationEndpoints(deps: PresentationRouteDeps): Endpoint[] {
  return [
    createEndpoint(deps),
    fetchEndpoint(deps),
    fetchByPostEndpoint(deps),
    statusEndpoint(deps),
    submissionEndpoint(deps),
    resultEndpoint(deps),
  ];
}

function createEndpoint(deps: PresentationRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/vp-request",
    tag: TAG,
    summary: "Ask for a presentation",
    description:
      "What is asked for is a DCQL query (OpenID4VP 1.0 §6), or a simple presentation definition. Lead the wallet to `authorizationUrl`: as a QR code for another device, as a link on the same one.",
    auth: "verifier",
    body: shapes.createBody,
    limit: CREATE_LIMIT,
    replies: { 201: { description: "The request; it waits for a wallet.", schema: shapes.createReply } },
    rejections: [
      NOT_CONFIGURED,
      ...ASKING_REJECTIONS,
      { code: "presentation.nonce_used", kind: "conflict", meaning: "The nonce served another request." },
    ],
    handle: async ({ body, caller }) => {
      const { redirectUri = null } = body;
      const { query, presentationDefinition } = readAsked(body);
      if (redirectUri !== null) await requireReturnUrl(deps, caller.accountId, redirectUri);
      const created = await createRequest(
        { ...deps, signer: await deps.signer() },
        {
          verifierId: caller.accountId,
          query: query ?? translateDefinition(presentationDefinition),
          flow: body.flow,
          responseMode: body.responseMode,
          redirectUri,
          nonce: body.nonce,
          browserHash: null,
        },
      );
      return { status: 201, body: shapes.showCreated(created, responseUriOf(deps.config.http.publicUrl)) };
    },
  });
}

const REQUEST_OBJECT_REPLIES = {
  200: { description: "The signed request object.", mediaType: REQUEST_OBJECT_MEDIA_TYPE },
};
const REQUEST_OBJECT_REJECTIONS: RejectionDescription[] = [
  UNKNOWN_REQUEST,
  NOT_CONFIGURED,
  { code: "presentation.request_closed", kind: "gone", meaning: "It was answered, or its time passed." },
  { code: "presentation.not_signed", kind: "not_found", meaning: "The link itself holds the request (redirect_uri)." },
];

function fetchEndpoint(deps: PresentationRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/vp-request/:id",
    tag: TAG,
    summary: "Fetch a request object, as a wallet",
    auth: "none",
    params: shapes.requestParams,
    replies: REQUEST_OBJECT_REPLIES,
    rejections: REQUEST_OBJECT_REJECTIONS,
    handle: ({ params }) => requestObjectReply(deps, { requestId: params.id, walletNonce: undefined }),
  });
}

function fetchByPostEndpoint(deps: PresentationRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/vp-request/:id",
    tag: TAG,
    summary: "Fetch a request object that echoes the wallet's nonce",
    description: "`wallet_nonce` and `wallet_metadata` as a form (OpenID4VP 1.0 §5.10); other fields are ignored.",
    auth: "none",
    params: shapes.requestParams,
    rawBody: { limitBytes: 32_768, mediaType: FORM_MEDIA_TYPE },
    replies: REQUEST_OBJECT_REPLIES,
    rejections: [
      ...REQUEST_OBJECT_REJECTIONS,
      {
        code: "presentation.wallet_nonce_malformed",
        kind: "invalid",
        meaning: "wallet_nonce is too long, or has other characters.",
      },
    ],
    handle: ({ params, body }) => {
      const walletNonce = new URLSearchParams(body.toString("utf8")).get("wallet_nonce") ?? undefined;
      if (walletNonce !== undefined && !/^[\x21-\x7e]{1,512}$/.test(walletNonce)) throw walletNonceMalformed();
      return requestObjectReply(deps, { requestId: params.id, walletNonce });
    },
  });
}

async function requestObjectReply(
  deps: PresentationRouteDeps,
  input: { requestId: string; walletNonce: string | undefined },
): Promise<Reply> {
  const requestObject = await readRequestObject({ ...deps, signer: await deps.signer() }, input);
  // Bytes, so that nothing adds a charset to the media type: wallets compare it as a whole.
  const headers = { "content-type": REQUEST_OBJECT_MEDIA_TYPE, "cache-control": "no-store" };
  return { status: 200, body: Buffer.from(requestObject), headers };
}

function statusEndpoint(deps: PresentationRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/vp-request/:id/status",
    tag: TAG,
    summary: "Read where a request stands",
    auth: "none",
    quiet: true,
    params: shapes.requestParams,
    query: shapes.statusQuery,
    waits: ({ query }) => query.waitSeconds > 0,
    replies: { 200: { description: "ACTIVE, VP_SUBMITTED or EXPIRED.", schema: shapes.statusReply } },
    rejections: [UNKNOWN_REQUEST],
    handle: async ({ params, query }, { signal }) => {
      const { waitSeconds } = query;
      const { status, at } = await readStatus(deps, { requestId: params.id, waitSeconds, signal });
      return {
        status: 200,
        headers: { "cache-control": "no-store" },
        body: { requestId: params.id, status, timestamp: at.toISOString() },
      };
    },
  });
}

function submissionEndpoint(deps: PresentationRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/vp-submission/direct-post",
    tag: TAG,
    summary: "Submit a presentation, as a wallet",
    description:
      "OpenID4VP 1.0 §8.2 and §8.3.1: a form with `response` (encrypted), or `vp_token` and `state`, or `error` and `state`.",
    auth: "none",
    rawBody: { limitBytes: MAX_RESPONSE_BYTES, mediaType: FORM_MEDIA_TYPE },
    limit: deps.config.sessions.limitLogins ? SUBMIT_LIMIT : undefined,
    replies: {
      200: { description: "Taken; where to send the browser, if anywhere.", schema: shapes.submissionReply },
      400: { description: "It does not answer an open request.", schema: shapes.submissionError },
    },
    handle: async ({ body }, { header, logger }) => {
      try {
        const parameters = parseForm(body, header("content-type"));
        const { redirectUri } = await submitResponse(deps, { parameters, body, logger });
        return submissionReply(200, redirectUri === null ? {} : { redirect_uri: redirectUri });
      } catch (error) {
        if (!(error instanceof PresentationRejection)) throw error;
        logger.info({ reason: error.reason }, "wallet response rejected");
        return submissionReply(400, { error: "invalid_request", error_description: error.message });
      }
    },
  });
}

function submissionReply(status: number, body: object): Reply {
  return { status, body, headers: { "cache-control": "no-store" } };
}

/** Parameters of a form, each at most once (RFC 6749 §3.2). */
function parseForm(body: Buffer, contentType: string | undefined): Record<string, string> {
  if (!isForm(contentType)) throw notForm(`send the response as ${FORM_MEDIA_TYPE}`);
  const parameters = uniqueParameters(new URLSearchParams(body.toString("utf8")));
  if (parameters === undefined) throw notForm("a parameter came more than once");
  return parameters;
}

function resultEndpoint(deps: PresentationRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/vp-result/:transactionId",
    tag: TAG,
    summary: "Read a result, as the verifier that asked",
    description:
      "Of a request or of a flow. Readable for a minute after the first read; then what was presented is erased, and the answer is 410. `response_code` is required where the browser was sent back with one.",
    auth: "verifier",
    params: shapes.transactionParams,
    query: shapes.resultQuery,
    replies: { 200: { description: "The verdict, and the claims that were asked for.", schema: shapes.resultReply } },
    rejections: [
      {
        code: "presentation.unknown_transaction",
        kind: "not_found",
        meaning: "There is no such transaction of yours.",
      },
      {
        code: "presentation.not_answered",
        kind: "not_found",
        meaning: "The wallet has not answered, or its time passed.",
      },
      {
        code: "presentation.response_code_missing",
        kind: "invalid",
        meaning: "The browser's response code is required.",
      },
      { code: "presentation.response_code_mismatch", kind: "invalid", meaning: "The response code is another one's." },
      { code: "presentation.response_code_used", kind: "invalid", meaning: "The response code was used before." },
      {
        code: "presentation.result_taken",
        kind: "gone",
        meaning: "It was read before, or not in time, and is erased.",
      },
    ],
    headReply: { status: 200 },
    handle: async ({ params: { transactionId }, query, caller: { accountId: verifierId } }, { logger }) => {
      const { response_code: code } = query;
      const headers = { "cache-control": "no-store" };
      const flow = await readFlowResult(deps, { transactionId, verifierId, code, logger });
      if (flow !== null) return { status: 200, headers, body: showFlowResult(flow) };
      const result = await readResult(deps, { transactionId, verifierId, responseCode: code });
      return { status: 200, headers, body: shapes.showResult(transactionId, result) };
    },
  });
}

function walletNonceMalformed(): DomainError {
  const message = "wallet_nonce must be 1 to 512 printable ASCII characters.";
  return new DomainError("presentation.wallet_nonce_malformed", "invalid", message);
}

function notForm(advice: string): PresentationRejection {
  return new PresentationRejection("unproven", "response_malformed", `The response is no form: ${advice}.`);
}
