import { z } from "zod";

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
