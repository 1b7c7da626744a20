import { z } from "zod";
import {
  defineEndpoint,
  type Endpoint,
  type RejectionDescription,
  type Reply,
  type RequestContext,
} from "../../http/endpoint";
import { anyQuery } from "../../http/form";
import { type AuthenticateDeps, authenticateFrom, parseBearer, readClientForm } from "../clients/authenticate";
import { bearerSecretErrorReply, oauthErrorReply, oauthPageErrorReply } from "../errorReplies";
import { oauthError, unknownClient } from "../errors";
import { FORM_BODY, parseQuery } from "../form";
import { type LimitDeps, limitPerMinute } from "../limits";
import { browserSecretCookie, readBrowserSecret } from "../page/cookie";
import { PAGE_HEADERS } from "../page/page";
import { finishPath, statusPath } from "../page/paths";
import { pageReply } from "../page/routes";
import { CLIENT_REJECTIONS, describeInvalid, UNKNOWN_CLIENT, UNKNOWN_SESSION } from "../rejections";
import type { OAuthSession } from "../rules";
import { oauthErrorBody } from "../schemas";
import {
  type AuthorizeDeps,
  authorizeHandle,
  authorizeRequest,
  pushAuthorizationRequest,
  setUpSession,
} from "./actions";
import type { AuthorizeResult } from "./claim";
import { REQUEST_URI_PREFIX } from "./rules";
import { authorizeReply, nonceParams, pushedReply, setupParams, setupReply } from "./schemas";

export type AuthorizationRouteDeps = AuthorizeDeps & LimitDeps & AuthenticateDeps;

const TAG = "OAuth gateway";

const errorReply = { description: "As RFC 6749 §5.2.", schema: oauthErrorBody };

const AUTHORIZE_REJECTIONS: RejectionDescription[] = [
  UNKNOWN_CLIENT,
  UNKNOWN_SESSION,
  describeInvalid(
    "invalid_request",
    "The request cannot be understood, or names a redirect_uri that is not the client's.",
  ),
  { code: "oauth.session_taken", kind: "conflict", meaning: "Another browser opened it: each is opened once." },
  { code: "oauth.session_expired", kind: "gone", meaning: "It was not opened in time." },
];

/** Programs that preview a link ask with HEAD: that must not claim its session. */
const HEAD_REPLY = { status: 200, headers: PAGE_HEADERS };

const AUTHORIZE_REPLIES = {
  200: {
    description: "The page with the QR code; as JSON for callers that accept only that.",
    schema: authorizeReply.or(z.string()),
  },
  303: { description: "Back to the client, with an error (RFC 6749 §4.1.2.1)." },
};

/** The operations that begin a verification: a client sets it up, or a browser brings the request. */
export function authorizationEndpoints(deps: AuthorizationRouteDeps): Endpoint[] {
  return [setupEndpoint(deps), authorizeEndpoint(deps), authorizeNonceEndpoint(deps)];
}

function setupEndpoint(deps: AuthorizationRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/setup/:clientId",
    tag: TAG,
    summary: "Set a verification up",
    description:
      "With the client's secret as bearer token. The nonce opens `/authorize/{nonce}` once, within 15 minutes.",
    auth: "none",
    params: setupParams,
    limit: limitPerMinute(deps, "oauth-setup", 600),
    replies: { 200: { description: "The nonce.", schema: setupReply }, 401: errorReply },
    rejections: [
      UNKNOWN_CLIENT,
      { code: "oauth.invalid_client", kind: "unauthenticated", meaning: "The secret is not the client's." },
    ],
    errorReply: bearerSecretErrorReply,
    handle: async ({ params: { clientId } }, context) => {
      if ((await deps.clients.find(clientId)) === null) throw unknownClient();
      const secret = parseBearer(context.header("authorization"));
      if (secret === undefined) throw oauthError("invalid_client", "Send the client's secret as bearer token.");
      const client = await authenticateFrom(deps, { clientId, secret, ip: context.ip });
      const { nonce, sessionId, expiresInSeconds } = await setUpSession(deps, client);
      return { status: 200, body: { nonce, session_id: sessionId, expires_in: expiresInSeconds } };
    },
  });
}

function authorizeEndpoint(deps: AuthorizationRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/authorize",
    tag: TAG,
    summary: "Begin, as OAuth has it",
    description:
      "RFC 6749 §4.1.1 with `client_id`, `response_type=code`, `redirect_uri`, `scope`, `state`, `code_challenge` and " +
      "`code_challenge_method=S256` (both unless the client is registered without PKCE); or `client_id` and the `request_uri` of a pushed request (RFC 9126 §4).",
    auth: "none",
    query: anyQuery,
    limit: limitPerMinute(deps, "oauth-authorize", 60),
    replies: AUTHORIZE_REPLIES,
    rejections: AUTHORIZE_REJECTIONS,
    headReply: HEAD_REPLY,
    errorReply: oauthPageErrorReply,
    handle: async ({ query }, context) => {
      const parameters = parseQuery(query);
      const browserSecret = readBrowserSecret(context);
      const { logger } = context;
      const { request_uri: requestUri } = parameters;
      if (requestUri === undefined)
        return resultReply(deps, context, await authorizeRequest(deps, { parameters, browserSecret, logger }));
      if (parameters["client_id"] === undefined) throw oauthError("invalid_request", "client_id is missing.");
      const handle = handleOf(requestUri);
      return resultReply(deps, context, await authorizeHandle(deps, { handle, parameters, browserSecret, logger }));
    },
  });
}

function handleOf(requestUri: string): string {
  if (requestUri.startsWith(REQUEST_URI_PREFIX)) return requestUri.slice(REQUEST_URI_PREFIX.length);
  throw oauthError("invalid_request", "request_uri is not one that was given out here.");
}

function authorizeNonceEndpoint(deps: AuthorizationRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/authorize/:nonce",
    tag: TAG,
    summary: "Begin what was set up",
    description: "Query as RFC 6749 §4.1.1. Opens the verification at the client's verifier; once, for one browser.",
    auth: "none",
    params: nonceParams,
    query: anyQuery,
    limit: limitPerMinute(deps, "oauth-authorize", 60),
    replies: AUTHORIZE_REPLIES,
    rejections: AUTHORIZE_REJECTIONS,
    headReply: HEAD_REPLY,
    errorReply: oauthPageErrorReply,
    handle: async ({ params: { nonce }, query }, context) => {
      const result = await authorizeHandle(deps, {
        handle: nonce,
        parameters: parseQuery(query),
        browserSecret: readBrowserSecret(context),
        logger: context.logger,
      });
      return resultReply(deps, context, result);
    },
  });
}

/** The endpoint at which a client's server pushes an authorization request (RFC 9126). */
export function pushedRequestEndpoint(deps: AuthorizationRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/par",
    tag: TAG,
    summary: "Push an authorization request",
    description:
      "RFC 9126, with `client_secret_basic`, `client_secret_post` or `private_key_jwt`. Good for five minutes, once.",
    auth: "none",
    rawBody: FORM_BODY,
    limit: limitPerMinute(deps, "oauth-par", 600),
    replies: {
      201: { description: "What the browser brings to `/authorize`.", schema: pushedReply },
      400: errorReply,
      401: errorReply,
    },
    rejections: [
      ...CLIENT_REJECTIONS,
      describeInvalid("invalid_scope", "The client may not ask for that."),
      describeInvalid("unsupported_response_type", "Only `code` is supported."),
      describeInvalid("request_not_supported", "Request objects are not supported."),
    ],
    errorReply: oauthErrorReply,
    handle: async ({ body }, context) => {
      const { client, form } = await readClientForm(deps, body, context);
      const { requestUri, sessionId, expiresInSeconds } = await pushAuthorizationRequest(deps, { client, form });
      return { status: 201, body: { request_uri: requestUri, session_id: sessionId, expires_in: expiresInSeconds } };
    },
  });
}

async function resultReply(
  deps: AuthorizationRouteDeps,
  context: RequestContext,
  result: AuthorizeResult,
): Promise<Reply> {
  if ("redirect" in result)
    return { status: 303, headers: { location: result.redirect, "referrer-policy": "no-referrer" } };
  const { session, browserSecret } = result;
  const cookie = browserSecretCookie(browserSecret);
  const accept = context.header("accept") ?? "";
  if (accept.includes("application/json") && !accept.includes("text/html"))
    return { status: 200, headers: cookie, body: sessionBody(deps.issuer, session) };
  const page = await pageReply(deps, result);
  return { ...page, headers: { ...page.headers, ...cookie } };
}

function sessionBody(issuer: string, { verificationId, deepLink, expiresAt }: OAuthSession) {
  return {
    verification_id: verificationId ?? "",
    verification_deeplink: deepLink,
    status_url: issuer + statusPath(verificationId),
    finish_url: issuer + finishPath(verificationId),
    expires_at: expiresAt,
  };
}
