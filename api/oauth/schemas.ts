import { z } from "zod";

/** An error as RFC 6749 §5.2 has it. */
export const oauthErrorBody = z.strictObject({ error: z.string(), error_description: z.string() });
export const metadataReply = z.looseObject({ issuer: z.string(), token_endpoint: z.string() });
