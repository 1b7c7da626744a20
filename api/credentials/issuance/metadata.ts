import { credentialIssuerUrl, PRE_AUTHORIZED_CODE_GRANT } from "../offers/rules";
import { typeUrl } from "../rules";
import { typeMetadata } from "../types/rules";
import { PROOF_ALGORITHMS } from "./proof";

/** An issuer and its credential types, as wallets are told of them. */
export interface IssuerOffering {
  issuer: string;
  name: string;
  /** The JWS algorithm it signs with. */
  algorithm: string;
  /** The schema of the claims of each type, JSON. */
  types: { type: string; body: string }[];
}

/** Credential Issuer Metadata (OpenID4VCI 1.0 §12.2.4): every type of the issuer, as `dc+sd-jwt`. */
export function issuerMetadata(publicUrl: string, { issuer, name, algorithm, types }: IssuerOffering) {
  const url = credentialIssuerUrl(publicUrl, issuer);
  const configurations = types.map(({ type, body }) => {
    const { vct, name: title, claims } = typeMetadata({ vct: typeUrl(publicUrl, { issuer, type }), type, body });
    return [
      type,
      {
        format: "dc+sd-jwt",
        vct,
        cryptographic_binding_methods_supported: ["jwk"],
        credential_signing_alg_values_supported: [algorithm],
        proof_types_supported: { jwt: { proof_signing_alg_values_supported: PROOF_ALGORITHMS } },
        credential_metadata: {
          display: [{ name: title }],
          claims: claims.map(({ path, mandatory }) => ({ path, mandatory })),
        },
      },
    ] as const;
  });
  return {
    credential_issuer: url,
    credential_endpoint: `${url}/credential`,
    nonce_endpoint: `${url}/nonce`,
    notification_endpoint: `${url}/notification`,
    display: [{ name }],
    credential_configurations_supported: Object.fromEntries(configurations),
  };
}

/** Metadata of the authorization server that an issuer is for its own offers (RFC 8414 §2, OpenID4VCI 1.0 §12.3). */
export function authorizationServerMetadata(publicUrl: string, issuer: string) {
  const url = credentialIssuerUrl(publicUrl, issuer);
  return {
    issuer: url,
    token_endpoint: `${url}/token`,
    grant_types_supported: [PRE_AUTHORIZED_CODE_GRANT],
    token_endpoint_auth_methods_supported: ["none"],
    // Wallets need no account here.
    "pre-authorized_grant_anonymous_access_supported": true,
    service_documentation: `${publicUrl}/docs`,
  };
}
