import { z } from "zod";
import { API_KEY_PREFIXES } from "../../core/keys/apiKeys";
import { defineEndpoint, type Endpoint, type EndpointLimit, type RejectionDescription } from "../http/endpoint";
import type { VerificationActions } from "./actions";
import * as shapes from "./schemas";

/** Answers of one address: more than an honest wallet makes, and few enough that guessing leads nowhere. */
const CONFIRM_LIMIT: EndpointLimit = { name: "verify-confirm", limit: 600, windowSeconds: 60, by: "address" };

const CREDENTIAL_UNKNOWN: RejectionDescription = {
  code: "credential.unknown",
  kind: "not_found",
  meaning: "There is no such credential here.",
};
const VERIFICATION_UNKNOWN: RejectionDescription = {
  code: "verification.unknown",
  kind: "not_found",
  meaning: "There is no such verification, or it is another verifier's.",
};
const VERIFIER_UNKNOWN: RejectionDescription = {
  code: "verifier.unknown",
  kind: "not_found",
  meaning: "There is no verifier of this id.",
};
const CURSOR_INVALID: RejectionDescription = {
  code: "usage.cursor_invalid",
  kind: "invalid",
  meaning: "The cursor is none of ours.",
};

const PRESENTATION_REJECTIONS: RejectionDescription[] = [
  {
    code: "verification.issuer_not_accredited",
    kind: "forbidden",
    meaning: "Check 1: the chain does not accredit the issuer.",
  },
  {
    code: "verification.issuer_signature_invalid",
    kind: "forbidden",
    meaning: "Check 2: it is not what the issuer signed.",
  },
  { code: "verification.credential_expired", kind: "gone", meaning: "Check 3: the credential expired." },
  { code: "verification.credential_revoked", kind: "gone", meaning: "Check 4: the credential is revoked." },
  { code: "verification.credential_suspended", kind: "conflict", meaning: "Check 4: the credential is suspended." },
  { code: "verification.already_used", kind: "conflict", meaning: "Check 5: its uses are used up." },
  { code: "verification.holder_mismatch", kind: "forbidden", meaning: "Check 6: it was issued to another holder." },
  { code: "verification.challenge_expired", kind: "gone", meaning: "Check 7: the challenge is too old." },
  { code: "verification.challenge_consumed", kind: "conflict", meaning: "Check 7: the challenge was answered before." },
];

export interface VerificationRouteDeps {
  actions: VerificationActions;
  /** False lifts the limit on confirmations, for tests and measurements. */
  limited: boolean;
  /** Whether webhooks may go to `http:` URLs. */
  allowHttpWebhooks: boolean;
}

/** Verifying credentials, and reading who did. */
export function verificationEndpoints(parts: VerificationRouteDeps): Endpoint[] {
  return [...verifierEndpoints(parts), ...presentationEndpoints(parts), ...usageEndpoints(parts.actions)];
}

function verifierEndpoints({ actions, allowHttpWebhooks }: VerificationRouteDeps): Endpoint[] {
  const body = shapes.verifierBody.refine(
    ({ webhookUrl }) => allowHttpWebhooks || webhookUrl?.startsWith("https:") !== false,
    {
      path: ["webhookUrl"],
      message: "must be https",
    },
  );
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
        const { name, webhookUrl = null } = input.body;
        const { account, apiKey, webhookSecret } = await actions.addVerifier({ name, webhookUrl });
        return { status: 201, body: { verifierId: account.verifierId, name, webhookUrl, apiKey, webhookSecret } };
      },
    }),
    defineEndpoint({
      method: "post",
      path: "/verifiers/:id/api-keys",
      tag: "Verification",
      summary: "Give a verifier a further API key",
      auth: "admin",
      params: shapes.verifierParams,
      replies: {
        201: {
          description: "The key, shown this once.",
          schema: z.strictObject({ id: z.uuid(), apiKey: z.string().startsWith(API_KEY_PREFIXES.verifier) }),
        },
      },
      rejections: [VERIFIER_UNKNOWN],
      handle: async ({ params }) => ({ status: 201, body: await actions.addApiKey(params.id) }),
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
        await actions.revokeApiKey(params.id, params.keyId);
        return { status: 204 };
      },
    }),
  ];
}

function presentationEndpoints({ actions, limited }: VerificationRouteDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "post",
      path: "/verify",
      tag: "Verification",
      summary: "Open a verification",
      description:
        "The answer holds the challenge for the holder to sign; a holder with a session finds it at /verify/request, too.",
      auth: "verifier",
      body: shapes.openBody,
      replies: { 201: { description: "The verification; it waits for the holder.", schema: shapes.openReply } },
      rejections: [CREDENTIAL_UNKNOWN, VERIFIER_UNKNOWN],
      handle: async ({ body, caller }) => {
        const { credential: presented } = body;
        const what =
          typeof presented === "string"
            ? { jwt: presented }
            : { credentialId: presented?.credentialId ?? body.credentialId ?? "" };
        const { verification, credential } = await actions.open(caller.accountId, what);
        const { verificationId } = verification;
        const reply = { verificationId, status: "pending", credential: shapes.showCredential(credential) };
        return { status: 201, body: { ...reply, challenge: shapes.showChallenge(verification) } };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/verify/request",
      tag: "Verification",
      summary: "Read what a verifier asks of one's credential",
      auth: "session",
      query: shapes.requestQuery,
      replies: { 200: { description: "The newest request, and others beside it.", schema: shapes.requestReply } },
      rejections: [
        CREDENTIAL_UNKNOWN,
        {
          code: "verification.none_pending",
          kind: "not_found",
          meaning: "No verifier asks for this credential right now.",
        },
      ],
      handle: async ({ query, caller }) => {
        const { credential, requests } = await actions.requestsFor(caller.userId, query.credentialId);
        return { status: 200, body: shapes.showRequests(credential, requests) };
      },
    }),
    defineEndpoint({
      method: "post",
      path: "/verify/confirm",
      tag: "Verification",
      summary: "Present a credential by answering a challenge",
      description:
        "Runs the seven checks; when all pass, one use of the credential is taken. Repeating the very confirmation that took it gives the same answer. A refusal names every check in `checks`.",
      auth: "none",
      body: shapes.confirmBody,
      limit: limited ? CONFIRM_LIMIT : undefined,
      replies: { 200: { description: "Verified.", schema: shapes.verificationReply } },
      rejections: [VERIFICATION_UNKNOWN, ...PRESENTATION_REJECTIONS],
      handle: async ({ body }, { ip }) => ({
        status: 200,
        body: shapes.showPresentation(await actions.confirm({ ...body, ip })),
      }),
    }),
    defineEndpoint({
      method: "get",
      path: "/verify/:id",
      tag: "Verification",
      summary: "Read what became of a verification",
      auth: "verifier",
      params: shapes.verificationParams,
      query: shapes.getQuery,
      replies: {
        200: {
          description: "Its status, every check by name, and the credential's content once verified.",
          schema: shapes.verificationReply,
        },
      },
      rejections: [VERIFICATION_UNKNOWN],
      handle: async ({ params, query, caller }, { signal }) => {
        const { waitSeconds } = query;
        const view = await actions.get({
          verifierId: caller.accountId,
          verificationId: params.id,
          waitSeconds,
          signal,
        });
        return { status: 200, body: shapes.showVerification(view) };
      },
    }),
  ];
}

function usageEndpoints(actions: VerificationActions): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/credentials/:id/usage",
      tag: "Verification",
      summary: "Read who wanted to see one's credential",
      auth: "session",
      params: z.strictObject({ id: z.uuid() }),
      query: shapes.usageQuery,
      replies: { 200: { description: "Attempts, good and bad, the newest first.", schema: shapes.usageReply } },
      rejections: [CREDENTIAL_UNKNOWN, CURSOR_INVALID],
      handle: async ({ params, query, caller }) => {
        const page = { limit: query.limit, before: shapes.parseCursor(query.cursor) };
        const entries = await actions.usageForHolder(caller.userId, params.id, page);
        return {
          status: 200,
          body: { entries: entries.map(shapes.showUsage), next: shapes.nextCursor(entries, query.limit) },
        };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/issuer/usage",
      tag: "Verification",
      summary: "Read the use of what the caller issued",
      auth: "issuer",
      query: shapes.filteredUsageQuery,
      replies: { 200: { description: "Attempts, good and bad, the newest first.", schema: shapes.usageReply } },
      rejections: [CURSOR_INVALID],
      handle: async ({ query, caller }) => {
        const { limit, cursor, ...filter } = query;
        const entries = await actions.usage(
          { ...filter, issuer: caller.accountId },
          { limit, before: shapes.parseCursor(cursor) },
        );
        return {
          status: 200,
          body: { entries: entries.map(shapes.showUsage), next: shapes.nextCursor(entries, limit) },
        };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/admin/usage",
      tag: "Verification",
      summary: "Read the use of all credentials",
      auth: "admin",
      query: shapes.filteredUsageQuery,
      replies: {
        200: {
          description: "Attempts with the address they came from, the newest first.",
          schema: shapes.fullUsageReply,
        },
      },
      rejections: [CURSOR_INVALID],
      handle: async ({ query }) => {
        const { limit, cursor, ...filter } = query;
        const entries = await actions.usage(filter, { limit, before: shapes.parseCursor(cursor) });
        return {
          status: 200,
          body: { entries: entries.map(shapes.showFullUsage), next: shapes.nextCursor(entries, limit) },
        };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/admin/fraud-alerts",
      tag: "Verification",
      summary: "Read fraud alerts",
      auth: "admin",
      query: shapes.alertsQuery,
      replies: { 200: { description: "The newest first.", schema: shapes.alertsReply } },
      handle: async ({ query }) => ({
        status: 200,
        body: { alerts: (await actions.alerts(query.limit)).map(shapes.showAlert) },
      }),
    }),
  ];
}
