import { assertNever } from "../../../core/errors";
import type { DcqlQuery } from "../dcql/query";
import { CREDENTIAL_FORMATS, type CredentialFormat } from "../formats/rules";
import { JWS_ALGORITHMS } from "../../../core/keys/verifyJws";

export const RESPONSE_MODES = ["direct_post", "direct_post.jwt"] as const;
export type ResponseMode = (typeof RESPONSE_MODES)[number];

/** The public half of the key that a response is encrypted to, made for one request. */
export interface EncryptionJwk {
  kty: "EC";
  crv: "P-256";
  x: string;
  y: string;
  kid: string;
  use: "enc";
  alg: "ECDH-ES";
}

/** The content encryptions that Cairn decrypts (RFC 7518 §5.3). */
export const CONTENT_ENCRYPTIONS = ["A128GCM", "A256GCM"] as const;

/** What a request object says. */
export interface AuthorizationRequest {
  clientId: string;
  responseMode: ResponseMode;
  /** Where the wallet posts its response. */
  responseUri: string;
  nonce: string;
  state: string;
  query: DcqlQuery;
  /** Null for `direct_post`. */
  encryptionKey: EncryptionJwk | null;
}

/** Who a signed request object is for when the wallet is not known (OpenID4VP 1.0 §5.8). */
const SELF_ISSUED = "https://self-issued.me/v2";

/**
 * The claims of a request object (OpenID4VP 1.0 §5).
 *
 * @param walletNonce as the wallet sent it, echoed (§5.10); undefined when it sent none
 */
export function requestClaims(
  request: AuthorizationRequest,
  { issuedAt, expiresAt, walletNonce }: { issuedAt: Date; expiresAt: Date; walletNonce: string | undefined },
): Record<string, unknown> {
  return {
    client_id: request.clientId,
    response_type: "vp_token",
    response_mode: request.responseMode,
    response_uri: request.responseUri,
    nonce: request.nonce,
    state: request.state,
    dcql_query: request.query,
    client_metadata: clientMetadata(request),
    aud: SELF_ISSUED,
    iat: Math.floor(issuedAt.getTime() / 1000),
    exp: Math.floor(expiresAt.getTime() / 1000),
    ...(walletNonce !== undefined && { wallet_nonce: walletNonce }),
  };
}

/**
 * What a link or QR code leads a wallet to (§5.7): a request by reference, or, for `redirect_uri`, which cannot be
 * signed, the request's own parameters.
 *
 * @param scheme of the wallet's link, for instance `openid4vp`
 */
export function requestLink(
  request: AuthorizationRequest,
  { scheme, requestUri }: { scheme: string; requestUri: string },
): string {
  const parameters = request.clientId.startsWith("redirect_uri:")
    ? {
        client_id: request.clientId,
        response_type: "vp_token",
        response_mode: request.responseMode,
        response_uri: request.responseUri,
        nonce: request.nonce,
        state: request.state,
        dcql_query: JSON.stringify(request.query),
        client_metadata: JSON.stringify(clientMetadata(request)),
      }
    : { client_id: request.clientId, request_uri: requestUri };
  return `${scheme}://?${new URLSearchParams(parameters).toString()}`;
}

/** What a wallet must know of Cairn: formats and algorithms, and how to encrypt (§5.1, §11.1). */
function clientMetadata({ query, encryptionKey }: AuthorizationRequest): Record<string, unknown> {
  const asked = CREDENTIAL_FORMATS.filter((format) =>
    query.credentials.some((credential) => credential.format === format),
  );
  return {
    vp_formats_supported: Object.fromEntries(asked.map((format) => [format, algorithmsOf(format)])),
    ...(encryptionKey !== null && {
      jwks: { keys: [encryptionKey] },
      encrypted_response_enc_values_supported: CONTENT_ENCRYPTIONS,
    }),
  };
}

function algorithmsOf(format: CredentialFormat): Record<string, readonly string[]> {
  switch (format) {
    case "dc+sd-jwt":
      return { "sd-jwt_alg_values": JWS_ALGORITHMS, "kb-jwt_alg_values": JWS_ALGORITHMS };
    case "jwt_vc_json":
      return { alg_values: JWS_ALGORITHMS };
    default:
      return assertNever(format);
  }
}
