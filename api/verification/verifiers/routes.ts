import type { Context } from "../../../process/context";
import { defineEndpoint, type Endpoint, type RejectionDescription } from "../../http/endpoint";
import { addApiKey, addVerifier, changeVerifier, readVerifier, revokeApiKey, type VerifierDeps } from "./actions";
import * as shapes from "./schemas";
import type { VerifierChange } from "./store";

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
  const bodies = shapes.verifierBodies(isAllowed);
  return [
    defineEndpoint({
      method: "post",
      path: "/verifiers",
      tag: "Verification",
      summary: "Register a verifier",
      description:
        "By an administrator: holders read the verifier's name in their wallet and have to be able to believe it.",
      auth: "admin",
      body: bodies.added,
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
      method: "get",
      path: "/verifiers/me",
      tag: "Verification",
      summary: "Read the caller's own account",
      auth: "verifier",
      replies: { 200: { description: "The account.", schema: shapes.accountReply } },
      rejections: [VERIFIER_UNKNOWN],
      handle: async ({ caller }) => ({
        status: 200,
        body: shapes.showAccount(await readVerifier(deps, { verifierId: caller.accountId })),
      }),
    }),
    defineEndpoint({
      method: "patch",
      path: "/verifiers/me",
      tag: "Verification",
      summary: "Change where the caller is told and where it has browsers sent",
      description: "What is left out stays; `webhookUrl: null` ends the webhooks. An administrator changes the name.",
      auth: "verifier",
      body: bodies.ownChange,
      replies: {
        200: {
          description: "The account as it is now, with the secret that signs its webhooks.",
          schema: shapes.changedReply,
        },
      },
      rejections: [VERIFIER_UNKNOWN],
      handle: async ({ body, caller }) => {
        const verifierId = caller.accountId;
        const account = await changeVerifier(deps, { verifierId, change: withoutAbsent(body) });
        const webhookSecret = account.webhookUrl === null ? null : await deps.secretOf(verifierId);
        return { status: 200, body: { ...shapes.showAccount(account), webhookSecret } };
      },
    }),
    defineEndpoint({
      method: "patch",
      path: "/verifiers/:id",
      tag: "Verification",
      summary: "Change a verifier's account, its name as well",
      auth: "admin",
      params: shapes.verifierParams,
      body: bodies.change,
      replies: { 200: { description: "The account as it is now.", schema: shapes.accountReply } },
      rejections: [VERIFIER_UNKNOWN],
      handle: async ({ params, body }) => ({
        status: 200,
        body: shapes.showAccount(await changeVerifier(deps, { verifierId: params.id, change: withoutAbsent(body) })),
      }),
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

/** What is given: a member that is absent must not be written as absent. */
function withoutAbsent(body: { [Name in keyof VerifierChange]: VerifierChange[Name] | undefined }): VerifierChange {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}
