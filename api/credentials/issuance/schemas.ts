import { z } from "zod";
import { accountAddress } from "../../http/accountFields";

export const issuerParams = z.strictObject({ issuer: accountAddress });
export const offerLinkParams = z.strictObject({
  issuer: accountAddress,
  handle: z.string().regex(/^[A-Za-z0-9_-]{43}$/, "is no credential offer's link"),
});

const display = z.array(z.strictObject({ name: z.string() }));
const configuration = z.strictObject({
  format: z.literal("dc+sd-jwt"),
  vct: z.url(),
  cryptographic_binding_methods_supported: z.array(z.string()),
  credential_signing_alg_values_supported: z.array(z.string()),
  proof_types_supported: z.strictObject({
    jwt: z.strictObject({ proof_signing_alg_values_supported: z.array(z.string()) }),
  }),
  credential_metadata: z.strictObject({
    display,
    claims: z.array(z.strictObject({ path: z.array(z.string()), mandatory: z.boolean() })),
  }),
});

export const issuerMetadataReply = z.strictObject({
  credential_issuer: z.url(),
  credential_endpoint: z.url(),
  nonce_endpoint: z.url(),
  notification_endpoint: z.url(),
  display,
  credential_configurations_supported: z.record(z.string(), configuration),
});

export const serverMetadataReply = z.strictObject({
  issuer: z.url(),
  token_endpoint: z.url(),
  grant_types_supported: z.array(z.string()),
  token_endpoint_auth_methods_supported: z.array(z.string()),
  "pre-authorized_grant_anonymous_access_supported": z.boolean(),
  service_documentation: z.url(),
});

export const tokenReply = z.strictObject({
  access_token: z.string(),
  token_type: z.literal("Bearer"),
  expires_in: z.int(),
});
export const nonceReply = z.strictObject({ c_nonce: z.string() });
export const credentialReply = z.strictObject({
  credentials: z.array(z.strictObject({ credential: z.string().meta({ description: "dc+sd-jwt" }) })),
  notification_id: z.string(),
});
export const errorReply = z.strictObject({ error: z.string(), error_description: z.string() });
