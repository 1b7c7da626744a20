import { z } from "zod";
import { API_KEY_PREFIXES } from "../../../core/keys/apiKeys";

export const verifierBody = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^\P{C}+$/u, "may hold printable characters alone: holders read it in their wallet"),
  webhookUrl: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .optional()
    .meta({ description: "Told of every outcome (Standard Webhooks)" }),
  redirectUris: z
    .array(z.url({ protocol: /^https?$/ }).max(2_048))
    .max(20)
    .default([])
    .meta({ description: "Where a wallet may send the browser after a presentation, compared exactly" }),
});
export const verifierParams = z.strictObject({ id: z.uuid() });
export const verifierKeyParams = z.strictObject({ id: z.uuid(), keyId: z.uuid() });

export const verifierReply = z.strictObject({
  verifierId: z.uuid(),
  name: z.string(),
  webhookUrl: z.string().nullable(),
  redirectUris: z.array(z.string()),
  apiKey: z.string(),
  webhookSecret: z.string().nullable().meta({ description: "`whsec_` and base64; null without a webhook" }),
});

export const apiKeyReply = z.strictObject({
  id: z.uuid(),
  apiKey: z.string().startsWith(API_KEY_PREFIXES.verifier),
});
