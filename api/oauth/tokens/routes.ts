import { sha256Hex } from "../../../core/crypto";
import {
  defineEndpoint,
  type Endpoint,
  type EndpointLimit,
  type RefusalDescription,
  type RequestContext,
} from "../../http/endpoint";
import { pushRequest } from "../authorization/actions";
import { readBearer, readClient } from "../clients/authenticate";
import { oauthErrorReply } from "../errorReplies";
import { FORM_BODY, parseForm, requireParameter } from "../form";
import type { GatewayParts } from "../authorization/claim";
import { NOTIFICATION_HEADER, oauthRefusal, type OAuthClient } from "../rules";
import { informationReply, introspectionReply, metadataReply, oauthError, pushedReply, tokenReply } from "../schemas";
import { introspect, readInformation, redeemCode, revoke } from "./actions";

/** A delivery of a verifier, to be kept before it is acknowledged. */
export interface KeptNotification {
  source: "oauth";
  /** What the verifier repeats when it repeats itself. */
  deliveryKey: string;
  facts: { verificationId: string; keyHash: string | null };
  requestId: string;
}

export interface OAuthBackParts extends GatewayParts {
  /** Keeps a delivery durably; false when it was kept before. */
  keep(notification: KeptNotification): Promise<boolean>;
  /** Whether callers' requests are counted. */
  limited: boolean;
}

const TAG = "OAuth gateway";

const refused = { description: "As RFC 6749 §5.2.", schema: oauthError };
const clientRefusals: RefusalDescription[] = [
  {
    code: "oauth.invalid_client",
    kind: "unauthenticated",
    meaning: "The client is unknown, or the secret is not its own.",
  },
  { code: "oauth.invalid_request", kind: "invalid", meaning: "The form is not as the standard has it." },
];
const refusalOf = (error: string, meaning: string): RefusalDescription => ({
  code: `oauth.${error}`,
  kind: "invalid",
  meaning,
});
const invalidGrant = refusalOf("invalid_grant", "Unknown, expired, consumed, or not this client's.");

/** The operations of clients' servers and of verifiers. */
export function oauthBackEndpoints(parts: OAuthBackParts): Endpoint[] {
  const limit = (name: string, perMinute: number): EndpointLimit | undefined =>
    parts.limited ? { name, limit: perMinute, windowSeconds: 60, by: "address" } : undefined;
  const common = { tag: TAG, auth: "none", rawBody: FORM_BODY, errorReply: oauthErrorReply } as const;

  async function read(
    body: Buffer,
    context: RequestContext,
  ): Promise<{ client: OAuthClient; form: Record<string, string | undefined> }> {
    const form = parseForm(body, context.header("content-type"));
    return { form, client: await readClient(parts.clients, { authorization: context.header("authorization"), form }) };
  }

  return [
    defineEndpoint({
      ...common,
      method: "post",
      path: "/par",
      summary: "Push an authorization request",
      description: "RFC 9126, with `client_secret_basic` or `client_secret_post`. Good for five minutes, once.",
      limit: limit("oauth-par", 600),
      replies: {
        201: { description: "What the browser brings to `/authorize`.", schema: pushedReply },
        400: refused,
        401: refused,
      },
      refusals: [
        ...clientRefusals,
        refusalOf("invalid_scope", "The client may not ask for that."),
        refusalOf("unsupported_response_type", "Only `code` is supported."),
        refusalOf("request_not_supported", "Request objects are not supported."),
      ],
      handle: async ({ body }, context) => {
        const { client, form } = await read(body, context);
        const { requestUri, expiresInSeconds } = await pushRequest(parts, client, form);
        return { status: 201, body: { request_uri: requestUri, expires_in: expiresInSeconds } };
      },
    }),
    defineEndpoint({
      ...common,
      method: "post",
      path: "/token",
      summary: "Redeem a code",
      description:
        "RFC 6749 §4.1.3: `grant_type=authorization_code`, `code`, `redirect_uri` and, where the request had a challenge, " +
        "`code_verifier`. A code that comes twice takes back the token it gave.",
      limit: limit("oauth-token", 6_000),
      replies: { 200: { description: "The token.", schema: tokenReply }, 400: refused, 401: refused },
      refusals: [
        ...clientRefusals,
        invalidGrant,
        refusalOf("unsupported_grant_type", "Only `authorization_code` is supported."),
      ],
      handle: async ({ body }, context) => {
        const { client, form } = await read(body, context);
        if (requireParameter(form, "grant_type") !== "authorization_code") {
          throw oauthRefusal("unsupported_grant_type", "Only the grant_type authorization_code is supported.");
        }
        const presented = {
          code: requireParameter(form, "code"),
          redirectUri: requireParameter(form, "redirect_uri"),
          codeVerifier: form["code_verifier"],
        };
        const { accessToken, expiresInSeconds, scope } = await redeemCode(parts, {
          client,
          presented,
          trace: context,
        });
        return {
          status: 200,
          headers: { pragma: "no-cache" },
          body: { access_token: accessToken, token_type: "Bearer", expires_in: expiresInSeconds, scope },
        };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/info",
      tag: TAG,
      summary: "What the verification found",
      description: "With the access token as bearer token (RFC 6750).",
      auth: "none",
      limit: limit("oauth-info", 6_000),
      replies: {
        200: { description: "What the wallet showed, or why it failed.", schema: informationReply },
        401: refused,
      },
      refusals: [
        {
          code: "oauth.invalid_token",
          kind: "unauthenticated",
          meaning: "The access token is unknown, expired or revoked.",
        },
      ],
      errorReply: oauthErrorReply,
      handle: async (_input, context) => {
        const token = readBearer(context.header("authorization"));
        if (token === undefined) throw oauthRefusal("invalid_token", "Send the access token as bearer token.");
        return { status: 200, body: await readInformation(parts, token) };
      },
    }),
    defineEndpoint({
      ...common,
      method: "post",
      path: "/introspect",
      summary: "Ask about a token",
      description: "RFC 7662, for the client it was issued to.",
      limit: limit("oauth-introspect", 6_000),
      replies: { 200: { description: "What the token is.", schema: introspectionReply }, 400: refused, 401: refused },
      refusals: clientRefusals,
      handle: async ({ body }, context) => {
        const { client, form } = await read(body, context);
        const token = requireParameter(form, "token");
        return { status: 200, body: await introspect(parts, { client, token, issuer: parts.issuer }) };
      },
    }),
    defineEndpoint({
      ...common,
      method: "post",
      path: "/revoke",
      summary: "Take a token back",
      description: "RFC 7009.",
      limit: limit("oauth-revoke", 600),
      replies: { 200: { description: "The token is good no more." }, 400: refused, 401: refused },
      refusals: [...clientRefusals, invalidGrant],
      handle: async ({ body }, context) => {
        const { client, form } = await read(body, context);
        await revoke(parts, { client, token: requireParameter(form, "token") });
        return { status: 200 };
      },
    }),
    defineEndpoint({
      method: "post",
      path: "/notification",
      tag: TAG,
      summary: "A verifier's word that it has news",
      description:
        "`{verification_id, timestamp}`, with the key agreed upon in the header agreed upon (`x-api-key`). Kept, then acknowledged, whatever it says; " +
        "the verifier itself is asked what the news are.",
      auth: "none",
      rawBody: { limitBytes: 16_384, mediaType: "application/json" },
      limit: limit("oauth-notification", 6_000),
      replies: { 200: { description: "It is kept." } },
      handle: async ({ body }, context) => {
        const notification = readNotification(body);
        if (notification === undefined) {
          context.logger.error({ outcome: "unintelligible" }, "notification ignored: it names no verification");
          return { status: 200 };
        }
        const { verificationId, timestamp } = notification;
        const key = context.header(await keyHeaderOf(parts, verificationId));
        const keyHash = key === undefined ? null : sha256Hex(key);
        // The key is part of what makes two deliveries the same: a forged one must not stand in for the true one.
        const deliveryKey = JSON.stringify([verificationId, timestamp, keyHash]);
        const facts = { verificationId, keyHash };
        const isNew = await parts.keep({ source: "oauth", deliveryKey, facts, requestId: context.requestId });
        context.logger.info({ verificationId, isNew }, "notification kept");
        return { status: 200 };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/.well-known/oauth-authorization-server",
      tag: TAG,
      summary: "What this authorization server supports",
      description: "RFC 8414.",
      auth: "none",
      replies: { 200: { description: "The metadata.", schema: metadataReply } },
      handle: () =>
        Promise.resolve({
          status: 200,
          headers: { "cache-control": "public, max-age=300" },
          body: metadata(parts.issuer),
        }),
    }),
  ];
}

/** The header that holds the key of the verifier that a verification was opened at. */
async function keyHeaderOf({ sessions, clients }: GatewayParts, verificationId: string): Promise<string> {
  const session = await sessions.findByVerification(verificationId);
  const client = session === null ? null : await clients.find(session.clientId);
  return client?.notificationHeader ?? NOTIFICATION_HEADER;
}

/** The verifier's message; undefined when it names no verification. */
function readNotification(body: Buffer): { verificationId: string; timestamp: string } | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const { verification_id: id, timestamp } = json as { verification_id?: unknown; timestamp?: unknown };
  if (typeof id !== "string" || id === "" || id.length > 200) return undefined;
  return { verificationId: id, timestamp: JSON.stringify(timestamp ?? null).slice(0, 100) };
}

function metadata(issuer: string) {
  const methods = ["client_secret_basic", "client_secret_post"];
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    pushed_authorization_request_endpoint: `${issuer}/par`,
    introspection_endpoint: `${issuer}/introspect`,
    revocation_endpoint: `${issuer}/revoke`,
    userinfo_endpoint: `${issuer}/info`,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    authorization_response_iss_parameter_supported: true,
    require_pushed_authorization_requests: false,
    service_documentation: `${issuer}/docs`,
  };
}
