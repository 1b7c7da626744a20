import { z } from "zod";
import { SESSION_STATUSES } from "./rules";

export const setupParams = z.strictObject({ clientId: z.string().min(1).max(64) });
export const nonceParams = z.strictObject({ nonce: z.string().min(1).max(200) });
export const verificationParams = z.strictObject({ verificationId: z.string().min(1).max(200) });
export const statusQuery = z.strictObject({
  state: z.string().max(1_024).optional().meta({ description: "The client's state, for whoever is not the browser." }),
  known: z
    .enum(SESSION_STATUSES)
    .optional()
    .meta({ description: "What the caller knows already: the answer waits up to ten seconds for something else." }),
});

export const setupReply = z.strictObject({ nonce: z.string(), expires_in: z.int() });
export const statusReply = z.strictObject({
  status: z.enum(SESSION_STATUSES),
  expires_at: z.iso.datetime(),
  next: z.string().nullable().meta({ description: "Where the browser goes when it is over." }),
});
export const beginReply = z.strictObject({
  verification_id: z.string(),
  verification_deeplink: z.string(),
  status_url: z.string(),
  finish_url: z.string(),
  expires_at: z.iso.datetime(),
});
export const pushedReply = z.strictObject({ request_uri: z.string(), expires_in: z.int() });
export const tokenReply = z.strictObject({
  access_token: z.string(),
  token_type: z.literal("Bearer"),
  expires_in: z.int(),
  scope: z.string(),
});
export const informationReply = z.looseObject({
  sub: z.string().meta({ description: "The verification; a person is another one each time." }),
  client_id: z.string(),
  scope: z.string(),
  status: z.enum(["verified", "failed"]),
  verified_at: z.iso.datetime(),
});
export const introspectionReply = z.looseObject({ active: z.boolean() });
export const oauthError = z.strictObject({ error: z.string(), error_description: z.string() });
export const metadataReply = z.looseObject({ issuer: z.string(), token_endpoint: z.string() });
