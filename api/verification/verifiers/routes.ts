import type { Context } from "../../../process/context";
import { defineEndpoint, type Endpoint, type RejectionDescription } from "../../http/endpoint";
import { addApiKey, addVerifier, revokeApiKey, type VerifierDeps } from "./actions";
import * as shapes from "./schemas";

export const VERIFIER_UNKNOWN: RejectionDescription = {
  code: "verifier.unknown",
  kind: "not_found",
  meaning: "There is no verifier of this id.",
};

export interface VerifierRouteDeps extends VerifierDeps {
  config: Pick<Context["config"], "production">;
}

/** Verifiers' accounts and API keys. */
export function verifierEndpoints(deps: VerifierRouteDeps): Endpoint[] {
  const isAllowed = (url: string) => !deps.config.production || url.startsWith("https:");
  const body = shapes.verifierBody
    .refine(({ webhookUrl }) => webhookUrl === undefined || isAllowed(webhookUrl), {
      path: ["webhookUrl"],
      message: "must be https",
    })
    .refine(({ redirectUris }) => redirectUris.every(isAllowed), { path: ["redirectUris"], message: "must be https" });
  return [
    defineEndpoint({
      method: "post",
      path: "/verifiers",
      tag: "Verification",
      summary: "Register a verifier",
      description:
        "By an administrator: holders read the verifier's name in their wallet and have to be able to believe it.",
      auth: "admin",
      body,
      replies: {
        201: {
          description: "The verifier, its API key and its webhook secret, both shown this once.",
          schema: shapes.verifierReply,
        },
      },
      handle: async (input) => {
        const { name, webhookUrl = null, redirectUris } = input.body;
        const { account, apiKey, webhookSecret } = await addVerifier(deps, { name, webhookUrl, redirectUris });
        const { verifierId } = account;
        return { status: 201, body: { verifierId, name, webhookUrl, redirectUris, apiKey, webhookSecret } };
      },
    }),
    defineEndpoint({
      method: "post",
      path: "/verifiers/:id/api-keys",
      tag: "Verification",
      summary: "Give a verifier a further API key",
      auth: "admin",
      params: shapes.verifierParams,
      replies: { 201: { description: "The key, shown this once.", schema: shapes.apiKeyReply } },
      rejections: [VERIFIER_UNKNOWN],
      handle: async ({ params }) => ({ status: 201, body: await addApiKey(deps, { verifierId: params.id }) }),
    }),
    defineEndpoint({
      method: "delete",
      path: "/verifiers/:id/api-keys/:keyId",
      tag: "Verification",
      summary: "Revoke a verifier's API key",
      auth: "admin",
      params: shapes.verifierKeyParams,
      replies: { 204: { description: "The key is worthless from now on." } },
      rejections: [
        { code: "api_key.not_found", kind: "not_found", meaning: "The verifier has no API key of this id." },
      ],
      handle: async ({ params }) => {
        await revokeApiKey(deps, { verifierId: params.id, keyId: params.keyId });
        return { status: 204 };
      },
    }),
  ];
}
