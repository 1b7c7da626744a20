import { defineEndpoint, type Endpoint } from "../http/endpoint";
import { ASSERTION_ALGORITHMS } from "./assertions/rules";
import { metadataReply } from "./schemas";

/** The endpoint that describes this authorization server to its clients (RFC 8414). */
export function metadataEndpoint({ issuer }: { issuer: string }): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/.well-known/oauth-authorization-server",
    tag: "OAuth gateway",
    summary: "What this authorization server supports",
    description: "RFC 8414.",
    auth: "none",
    forEveryOrigin: true,
    replies: { 200: { description: "The metadata.", schema: metadataReply } },
    handle: () =>
      Promise.resolve({
        status: 200,
        headers: { "cache-control": "public, max-age=300" },
        body: metadataOf(issuer),
      }),
  });
}

function metadataOf(issuer: string) {
  const methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
  const algorithms = [...ASSERTION_ALGORITHMS];
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
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    introspection_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    authorization_response_iss_parameter_supported: true,
    require_pushed_authorization_requests: false,
    service_documentation: `${issuer}/docs`,
  };
}
