import { defineEndpoint, type Endpoint } from "../../http/endpoint";
import { type AuthenticateDeps, parseBearer, readClientForm } from "../clients/authenticate";
import { oauthErrorReply } from "../errorReplies";
import { oauthError } from "../errors";
import { FORM_BODY, requireParameter } from "../form";
import { type LimitDeps, limitPerMinute } from "../limits";
import { CLIENT_REJECTIONS, describeInvalid } from "../rejections";
import { oauthErrorBody } from "../schemas";
import { introspectToken, readInformation, redeemCode, revokeToken, type TokenDeps } from "./actions";
import { informationReply, introspectionReply, tokenReply } from "./schemas";

export type TokenRouteDeps = TokenDeps & LimitDeps & AuthenticateDeps;

const TAG = "OAuth gateway";

const errorReply = { description: "As RFC 6749 §5.2.", schema: oauthErrorBody };
const INVALID_GRANT = describeInvalid("invalid_grant", "Unknown, expired, consumed, or not this client's.");

/** The operations that clients' servers perform on codes and tokens. */
export function tokenEndpoints(deps: TokenRouteDeps): Endpoint[] {
  return [redeemEndpoint(deps), informationEndpoint(deps), introspectionEndpoint(deps), revocationEndpoint(deps)];
}

function redeemEndpoint(deps: TokenRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/token",
    tag: TAG,
    summary: "Redeem a code",
    description:
      "RFC 6749 §4.1.3: `grant_type=authorization_code`, `code`, `redirect_uri` and, where the request had a challenge, " +
      "`code_verifier`. A code that comes twice takes back the token it gave.",
    auth: "none",
    rawBody: FORM_BODY,
    limit: limitPerMinute(deps, "oauth-token", 6_000),
    replies: { 200: { description: "The token.", schema: tokenReply }, 400: errorReply, 401: errorReply },
    rejections: [
      ...CLIENT_REJECTIONS,
      INVALID_GRANT,
      describeInvalid("unsupported_grant_type", "Only `authorization_code` is supported."),
    ],
    errorReply: oauthErrorReply,
    handle: async ({ body }, context) => {
      const { client, form } = await readClientForm(deps, body, context);
      if (requireParameter(form, "grant_type") !== "authorization_code") {
        throw oauthError("unsupported_grant_type", "Only the grant_type authorization_code is supported.");
      }
      const request = {
        code: requireParameter(form, "code"),
        redirectUri: requireParameter(form, "redirect_uri"),
        codeVerifier: form["code_verifier"],
      };
      const { accessToken, expiresInSeconds, scope } = await redeemCode(deps, { client, request, context });
      return {
        status: 200,
        headers: { pragma: "no-cache" },
        body: { access_token: accessToken, token_type: "Bearer", expires_in: expiresInSeconds, scope },
      };
    },
  });
}

function informationEndpoint(deps: TokenRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/info",
    tag: TAG,
    summary: "What the verification found",
    description: "With the access token as bearer token (RFC 6750).",
    auth: "none",
    limit: limitPerMinute(deps, "oauth-info", 6_000),
    replies: {
      200: { description: "What the wallet showed, or why it failed.", schema: informationReply },
      401: errorReply,
    },
    rejections: [
      {
        code: "oauth.invalid_token",
        kind: "unauthenticated",
        meaning: "The access token is unknown, expired or revoked.",
      },
    ],
    errorReply: oauthErrorReply,
    handle: async (_input, context) => {
      const token = parseBearer(context.header("authorization"));
      if (token === undefined) throw oauthError("invalid_token", "Send the access token as bearer token.");
      return { status: 200, body: await readInformation(deps, token) };
    },
  });
}

function introspectionEndpoint(deps: TokenRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/introspect",
    tag: TAG,
    summary: "Ask about a token",
    description: "RFC 7662, for the client it was issued to.",
    auth: "none",
    rawBody: FORM_BODY,
    limit: limitPerMinute(deps, "oauth-introspect", 6_000),
    replies: {
      200: { description: "What the token is.", schema: introspectionReply },
      400: errorReply,
      401: errorReply,
    },
    rejections: CLIENT_REJECTIONS,
    errorReply: oauthErrorReply,
    handle: async ({ body }, context) => {
      const { client, form } = await readClientForm(deps, body, context);
      const token = requireParameter(form, "token");
      return { status: 200, body: await introspectToken(deps, { client, token, issuer: deps.issuer }) };
    },
  });
}

function revocationEndpoint(deps: TokenRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/revoke",
    tag: TAG,
    summary: "Take a token back",
    description: "RFC 7009.",
    auth: "none",
    rawBody: FORM_BODY,
    limit: limitPerMinute(deps, "oauth-revoke", 600),
    replies: { 200: { description: "The token is good no more." }, 400: errorReply, 401: errorReply },
    rejections: [...CLIENT_REJECTIONS, INVALID_GRANT],
    errorReply: oauthErrorReply,
    handle: async ({ body }, context) => {
      const { client, form } = await readClientForm(deps, body, context);
      await revokeToken(deps, { client, token: requireParameter(form, "token") });
      return { status: 200 };
    },
  });
}
