import { generateKeyPairSync } from "node:crypto";
import { SignJWT } from "jose";
import type { VerifierContext } from "./context";
import type { Verification } from "./verifications";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

/** The request object (OpenID4VP 1.0 §5): unless the client wants it unsigned, signed by a key drawn at start. */
export async function requestObject(
  { id, requestNonce, request }: Verification,
  { clientId, url }: Pick<VerifierContext, "clientId" | "url">,
): Promise<{ mediaType: string; body: string }> {
  const claims = {
    client_id: clientId,
    response_type: "vp_token",
    response_mode: request.response_mode ?? "direct_post",
    response_uri: `${url}/oid4vp/api/request-object/${id}/response-data`,
    nonce: requestNonce,
    state: id,
    dcql_query: request.dcql_query,
  };
  if (request.jwt_secured_authorization_request === false)
    return { mediaType: "application/json", body: JSON.stringify(claims) };
  const jwk = publicKey.export({ format: "jwk" });
  const signed = new SignJWT({ ...claims, aud: "https://self-issued.me/v2" }).setProtectedHeader({
    alg: "ES256",
    typ: "oauth-authz-req+jwt",
    jwk: { kty: "EC", crv: "P-256", x: jwk.x ?? "", y: jwk.y ?? "" },
  });
  return { mediaType: "application/oauth-authz-req+jwt", body: await signed.sign(privateKey) };
}
