import {
  defineEndpoint,
  type Endpoint,
  type EndpointLimit,
  type ReplyDescription,
  type RejectionDescription,
} from "../../http/endpoint";
import { FORM_MEDIA_TYPE, isForm, uniqueParameters } from "../../http/form";
import { readOfferLink } from "../offers/actions";
import { PRE_AUTHORIZED_CODE_GRANT } from "../offers/rules";
import { offerObjectReply } from "../offers/schemas";
import { deliverCredential, type IssuanceDeps, recordNotification, redeemOffer } from "./actions";
import { issuanceError, type IssuanceErrorCode, issuanceErrorReply } from "./errors";
import { authorizationServerMetadata, issuerMetadata } from "./metadata";
import { createNonce } from "./nonces";
import * as shapes from "./schemas";

const TAG = "Issuance";
const NO_STORE = { "cache-control": "no-store" };
const PUBLIC = { "cache-control": "public, max-age=300" };
const MAX_REQUEST_BYTES = 65_536;

const ERROR: ReplyDescription = { description: "As the standard has it.", schema: shapes.errorReply };

const ISSUER_REJECTIONS: RejectionDescription[] = [
  { code: "issuer.unknown", kind: "not_found", meaning: "No issuer of this address is registered here." },
  { code: "issuer.not_ready", kind: "conflict", meaning: "The issuer's DID document is not anchored yet." },
];

const TOKEN_REJECTION: RejectionDescription = {
  code: "openid4vci.invalid_token",
  kind: "unauthenticated",
  meaning: "The access token is unknown or expired.",
};

/** What wallets do to fetch a credential that an issuer offers (OpenID4VCI 1.0, pre-authorized code flow). */
export function issuanceEndpoints(deps: IssuanceDeps): Endpoint[] {
  return [
    issuerMetadataEndpoint(deps),
    serverMetadataEndpoint(deps),
    offerEndpoint(deps),
    tokenEndpoint(deps),
    nonceEndpoint(deps),
    credentialEndpoint(deps),
    notificationEndpoint(deps),
  ];
}

function issuerMetadataEndpoint(deps: IssuanceDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/.well-known/openid-credential-issuer/issuance/:issuer",
    tag: TAG,
    summary: "What an issuer issues to wallets",
    description: "Credential Issuer Metadata (OpenID4VCI 1.0 §12.2).",
    auth: "none",
    forEveryOrigin: true,
    params: shapes.issuerParams,
    replies: { 200: { description: "The metadata.", schema: shapes.issuerMetadataReply } },
    rejections: ISSUER_REJECTIONS,
    handle: async ({ params: { issuer } }) => {
      const [{ name, algorithm }, types] = await Promise.all([deps.signerOf(issuer), deps.types.ofIssuer(issuer)]);
      const body = issuerMetadata(deps.config.http.publicUrl, { issuer, name, algorithm, types });
      return { status: 200, headers: PUBLIC, body };
    },
  });
}

function serverMetadataEndpoint(deps: IssuanceDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/.well-known/oauth-authorization-server/issuance/:issuer",
    tag: TAG,
    summary: "Where wallets redeem an issuer's codes",
    description: "RFC 8414, of the authorization server that each issuer is for its own offers.",
    auth: "none",
    forEveryOrigin: true,
    params: shapes.issuerParams,
    replies: { 200: { description: "The metadata.", schema: shapes.serverMetadataReply } },
    rejections: ISSUER_REJECTIONS,
    handle: async ({ params: { issuer } }) => {
      await deps.signerOf(issuer);
      const body = authorizationServerMetadata(deps.config.http.publicUrl, issuer);
      return { status: 200, headers: PUBLIC, body };
    },
  });
}

function offerEndpoint(deps: IssuanceDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/issuance/:issuer/offers/:handle",
    tag: TAG,
    summary: "Read a credential offer, as a wallet",
    description: "What the `credential_offer_uri` of a link names (OpenID4VCI 1.0 §4.1.3).",
    auth: "none",
    limit: limited(deps, { name: "issuance-offers", limit: 120, windowSeconds: 60, by: "address" }),
    params: shapes.offerLinkParams,
    replies: { 200: { description: "The credential offer.", schema: offerObjectReply } },
    rejections: [
      {
        code: "credential_offer.unknown_link",
        kind: "not_found",
        meaning: "This link leads to no credential offer.",
      },
      {
        code: "credential_offer.closed",
        kind: "gone",
        meaning: "The offer was used, cancelled or not taken up in time.",
      },
    ],
    handle: async ({ params }) => ({ status: 200, headers: NO_STORE, body: await readOfferLink(deps, params) }),
  });
}

function tokenEndpoint(deps: IssuanceDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/issuance/:issuer/token",
    tag: TAG,
    summary: "Redeem a pre-authorized code, as a wallet",
    description: `OpenID4VCI 1.0 §6: a form with \`grant_type=${PRE_AUTHORIZED_CODE_GRANT}\`, \`pre-authorized_code\` and, where the offer asks for one, \`tx_code\`.`,
    auth: "none",
    rawBody: { limitBytes: 16_384, mediaType: FORM_MEDIA_TYPE },
    limit: limited(deps, { name: "issuance-token", limit: 60, windowSeconds: 60, by: "address" }),
    params: shapes.issuerParams,
    replies: { 200: { description: "The access token.", schema: shapes.tokenReply }, 400: ERROR },
    rejections: [
      rejection("invalid_request", "The form is malformed, or has a transaction code where none is asked for."),
      rejection("invalid_grant", "The code is unknown, used or expired, or the transaction code is wrong."),
      rejection("unsupported_grant_type", "Only the pre-authorized code grant is supported."),
    ],
    errorReply: issuanceErrorReply,
    handle: async ({ params: { issuer }, body }, { header }) => {
      const form = parseForm(body, header("content-type"));
      if (form["grant_type"] !== PRE_AUTHORIZED_CODE_GRANT) {
        throw issuanceError("unsupported_grant_type", `grant_type must be ${PRE_AUTHORIZED_CODE_GRANT}.`);
      }
      const code = form["pre-authorized_code"];
      if (code === undefined) throw issuanceError("invalid_request", "pre-authorized_code is missing.");
      const redeemed = await redeemOffer(deps, { issuer, code, txCode: form["tx_code"] });
      return {
        status: 200,
        headers: NO_STORE,
        body: { access_token: redeemed.accessToken, token_type: "Bearer", expires_in: redeemed.expiresInSeconds },
      };
    },
  });
}

function nonceEndpoint(deps: IssuanceDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/issuance/:issuer/nonce",
    tag: TAG,
    summary: "Get a nonce for a key proof, as a wallet",
    description: "OpenID4VCI 1.0 §7. A nonce serves one credential request.",
    auth: "none",
    limit: limited(deps, { name: "issuance-nonce", limit: 120, windowSeconds: 60, by: "address" }),
    params: shapes.issuerParams,
    replies: { 200: { description: "The nonce.", schema: shapes.nonceReply } },
    handle: async ({ params: { issuer } }) => ({
      status: 200,
      headers: NO_STORE,
      body: { c_nonce: await createNonce(deps, issuer) },
    }),
  });
}

function credentialEndpoint(deps: IssuanceDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/issuance/:issuer/credential",
    tag: TAG,
    summary: "Fetch the credential, as a wallet",
    description:
      "OpenID4VCI 1.0 §8: with the access token as bearer token, `credential_configuration_id` and one key proof of the " +
      "type `jwt`, whose key is given as `jwk`. The same token, a fresh nonce and the same key fetch the same credential again.",
    auth: "none",
    rawBody: { limitBytes: MAX_REQUEST_BYTES, mediaType: "application/json" },
    limit: limited(deps, { name: "issuance-credential", limit: 120, windowSeconds: 60, by: "address" }),
    params: shapes.issuerParams,
    replies: {
      200: { description: "The credential.", schema: shapes.credentialReply },
      400: ERROR,
      401: ERROR,
    },
    rejections: [
      TOKEN_REJECTION,
      rejection("invalid_credential_request", "The request is not as the standard has it."),
      rejection("unknown_credential_configuration", "The offer is for another credential."),
      rejection("unknown_credential_identifier", "Credential identifiers are not given."),
      rejection("invalid_proof", "The key proof is missing or not accepted; the description says why."),
      rejection("invalid_nonce", "The proof's nonce is none of this issuer's, expired or was used."),
      rejection("invalid_encryption_parameters", "Responses are not encrypted beyond TLS."),
      rejection("credential_request_denied", "The credential cannot be issued any more, or is bound to another key."),
    ],
    errorReply: issuanceErrorReply,
    handle: async ({ params: { issuer }, body }, { header }) => {
      const accessToken = bearerToken(header("authorization"));
      const { credential, notificationId } = await deliverCredential(deps, { issuer, accessToken, body });
      const reply = { credentials: [{ credential }], notification_id: notificationId };
      return { status: 200, headers: NO_STORE, body: reply };
    },
  });
}

function notificationEndpoint(deps: IssuanceDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/issuance/:issuer/notification",
    tag: TAG,
    summary: "Tell what became of the credential, as a wallet",
    description: "OpenID4VCI 1.0 §11: with the access token as bearer token. The issuer sees it at the offer.",
    auth: "none",
    rawBody: { limitBytes: 16_384, mediaType: "application/json" },
    limit: limited(deps, { name: "issuance-notification", limit: 60, windowSeconds: 60, by: "address" }),
    params: shapes.issuerParams,
    replies: { 204: { description: "It is recorded." }, 400: ERROR, 401: ERROR },
    rejections: [
      TOKEN_REJECTION,
      rejection("invalid_notification_request", "The request is not as the standard has it."),
      rejection("invalid_notification_id", "The token's wallet was given no credential of this notification_id."),
    ],
    errorReply: issuanceErrorReply,
    handle: async ({ params: { issuer }, body }, { header }) => {
      await recordNotification(deps, { issuer, accessToken: bearerToken(header("authorization")), body });
      return { status: 204 };
    },
  });
}

/** RFC 6750 §2.1 */
function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,200})$/i.exec(authorization ?? "")?.[1];
}

function parseForm(body: Buffer, contentType: string | undefined): Record<string, string> {
  if (!isForm(contentType)) throw issuanceError("invalid_request", `The body must be ${FORM_MEDIA_TYPE}.`);
  const parameters = uniqueParameters(new URLSearchParams(body.toString("utf8")));
  if (parameters === undefined) throw issuanceError("invalid_request", "A parameter came more than once.");
  return parameters;
}

function rejection(error: IssuanceErrorCode, meaning: string): RejectionDescription {
  return { code: `openid4vci.${error}`, kind: "invalid", meaning };
}

function limited({ config }: Pick<IssuanceDeps, "config">, limit: EndpointLimit): EndpointLimit | undefined {
  return config.sessions.limitLogins ? limit : undefined;
}
