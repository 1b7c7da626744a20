import { z } from "zod";

export const setupParams = z.strictObject({ clientId: z.string().min(1).max(64) });
export const nonceParams = z.strictObject({ nonce: z.string().min(1).max(200) });

const sessionId = z.uuid().meta({ description: "Names the verification in the client's webhooks" });
export const setupReply = z.strictObject({ nonce: z.string(), session_id: sessionId, expires_in: z.int() });
export const authorizeReply = z.strictObject({
  verification_id: z.string(),
  verification_deeplink: z.string(),
  status_url: z.string(),
  finish_url: z.string(),
  expires_at: z.iso.datetime(),
});
export const pushedReply = z.strictObject({
  request_uri: z.string(),
  session_id: sessionId,
  expires_in: z.int(),
});
