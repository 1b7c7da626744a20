import { createHash, randomBytes, X509Certificate } from "node:crypto";
import { setGlobalConfig } from "@openid4vc/openid4vci";
import { Openid4vpClient } from "@openid4vc/openid4vp";
import { CompactEncrypt, compactVerify, importJWK, type JWK } from "jose";
import type { ReadRequest } from "./wallet";

type Callbacks = ConstructorParameters<typeof Openid4vpClient>[0]["callbacks"];
type Jwk = { kty: string };

// The suite's servers have no certificates.
setGlobalConfig({ allowInsecureUrls: true });

/** The request as a wallet of another maker's library read, verified and accepted it. */
export interface AcceptedRequest {
  claims: ReadRequest["claims"];
  /** How it was proved who asks. */
  clientIdPrefix: string;
  /** Answers it; what the verifier answered. */
  respond(vpToken: object): Promise<{ status: number; body: unknown }>;
}

/**
 * Follows a wallet's link with a foreign library, which verifies the request object and its certificate.
 *
 * @param method how it fetches the request object; by POST it sends a nonce, which must come back
 */
export async function acceptRequest(authorizationUrl: string, method: "GET" | "POST"): Promise<AcceptedRequest> {
  const nonce = method === "POST" ? randomBytes(16).toString("base64url") : undefined;
  const callbacks = callbacksWith(nonce);
  const client = new Openid4vpClient({ callbacks });
  const link = method === "POST" ? `${authorizationUrl}&request_uri_method=post` : authorizationUrl;
  const { params } = client.parseOpenid4vpAuthorizationRequest({ authorizationRequest: link });
  const resolved = await client.resolveOpenId4vpAuthorizationRequest({
    authorizationRequestPayload: params,
    ...(nonce !== undefined && { wallet: { expectedNonce: nonce } }),
  });
  const { authorizationRequestPayload: payload } = resolved;
  const claims = payload as unknown as ReadRequest["claims"];
  return {
    claims,
    clientIdPrefix: resolved.client.prefix,
    async respond(vpToken) {
      const created = await client.createOpenid4vpAuthorizationResponse({
        authorizationRequestPayload: payload,
        authorizationResponsePayload: { vp_token: vpToken as never },
        ...(claims.response_mode === "direct_post.jwt" && {
          jarm: {
            encryption: { nonce: randomBytes(16).toString("base64url") },
            serverMetadata: {
              authorization_signing_alg_values_supported: [],
              authorization_encryption_alg_values_supported: ["ECDH-ES"],
              authorization_encryption_enc_values_supported: ["A128GCM", "A256GCM"],
            },
          },
        }),
      });
      const { response } = await client.submitOpenid4vpAuthorizationResponse({
        authorizationRequestPayload: { response_uri: claims.response_uri },
        authorizationResponsePayload: created.authorizationResponsePayload,
        ...(created.jarm !== undefined && { jarm: { responseJwt: created.jarm.responseJwt } }),
      });
      return { status: response.status, body: await response.json() };
    },
  };
}

function callbacksWith(walletNonce: string | undefined): Callbacks {
  return {
    hash: (data, algorithm) => createHash(algorithm.replace("-", "")).update(data).digest(),
    signJwt: () => Promise.reject(new Error("this wallet signs its presentations itself")),
    decryptJwe: () => Promise.reject(new Error("nothing is encrypted to this wallet")),
    getX509CertificateMetadata: (certificate) => ({ sanDnsNames: namesOf(certificate, "DNS:"), sanUriNames: [] }),
    // The library sends the nonce of its options to nobody (0.4.6).
    fetch: (input, init) =>
      walletNonce !== undefined && init?.method?.toLowerCase() === "post" && /vp-request/.test(urlOf(input))
        ? fetch(urlOf(input), { ...init, body: new URLSearchParams({ wallet_nonce: walletNonce, other: "ignored" }) })
        : fetch(urlOf(input), init),
    async verifyJwt(signer, { compact }) {
      if (signer.method !== "x5c") return { verified: false };
      const { publicKey } = new X509Certificate(Buffer.from(signer.x5c[0] ?? "", "base64"));
      await compactVerify(compact, publicKey);
      return { verified: true, signerJwk: publicKey.export({ format: "jwk" }) as Jwk };
    },
    async encryptJwe({ publicJwk, alg, enc }, data) {
      const jwk = publicJwk as JWK;
      const jwe = await new CompactEncrypt(Buffer.from(data))
        .setProtectedHeader({ alg, enc, kid: jwk.kid ?? "" })
        .encrypt(await importJWK(jwk, alg));
      return { jwe, encryptionJwk: publicJwk };
    },
  };
}

function urlOf(input: unknown): string {
  return input instanceof Request ? input.url : String(input);
}

function namesOf(certificate: string, kind: string): string[] {
  const names = new X509Certificate(Buffer.from(certificate, "base64")).subjectAltName ?? "";
  return names.split(", ").flatMap((name) => (name.startsWith(kind) ? [name.slice(kind.length)] : []));
}
