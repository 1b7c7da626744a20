import { z } from "zod";
import { API_KEY_PREFIXES } from "../../../core/keys/apiKeys";
import type { VerifierAccount } from "./store";

/**
 * Bodies that register and change verifiers.
 *
 * @param isAllowed whether an address may get people's data: in production https alone
 */
export function verifierBodies(isAllowed: (url: string) => boolean) {
  const url = z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .refine(isAllowed, "must be https");
  const name = z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^\P{C}+$/u, "may hold printable characters alone: holders read it in their wallet");
  const webhookUrl = url.meta({ description: "Told of every outcome (Standard Webhooks)" });
  const redirectUris = z
    .array(url)
    .max(20)
    .meta({ description: "Where a wallet may send the browser after a presentation, compared exactly" });
  const ownChange = { webhookUrl: webhookUrl.nullable().optional(), redirectUris: redirectUris.optional() };
  return {
    added: z.strictObject({ name, webhookUrl: webhookUrl.optional(), redirectUris: redirectUris.default([]) }),
    ownChange: z.strictObject(ownChange),
    change: z.strictObject({ name: name.optional(), ...ownChange }),
  };
}
export const verifierParams = z.strictObject({ id: z.uuid() });
export const verifierKeyParams = z.strictObject({ id: z.uuid(), keyId: z.uuid() });

const accountFields = {
  verifierId: z.uuid(),
  name: z.string(),
  webhookUrl: z.string().nullable(),
  redirectUris: z.array(z.string()),
};
export const accountReply = z.strictObject({ ...accountFields, createdAt: z.iso.datetime() });
const webhookSecret = z.string().nullable().meta({ description: "`whsec_` and base64; null without a webhook" });
export const changedReply = accountReply.extend({ webhookSecret });
export const verifierReply = z.strictObject({
  ...accountFields,
  apiKey: z.string(),
  webhookSecret,
});

export const apiKeyReply = z.strictObject({
  id: z.uuid(),
  apiKey: z.string().startsWith(API_KEY_PREFIXES.verifier),
});

/** A verifier's account without its keys. */
export function showAccount({ verifierId, name, webhookUrl, redirectUris, createdAt }: VerifierAccount) {
  return { verifierId, name, webhookUrl, redirectUris, createdAt: createdAt.toISOString() };
}
