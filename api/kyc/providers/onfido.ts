import { z } from "zod";
import { addSeconds } from "../../../core/clock";
import type { KycConfig } from "../../../core/config/kyc";
import type { KycDecision, KycSubstatus } from "../rules";
import { callProvider } from "./callProvider";
import { parseBody } from "./parseBody";
import type { KycProvider, ProviderSession } from "./provider";
import { hmacHex, matchesAny } from "./signatures";

/** A workflow run waits for its applicant without end; its token is renewed by asking again. */
const FORGOTTEN_SECONDS = 30 * 24 * 60 * 60;

/** An applicant must have a name. Ours have none to give: the document tells it to Onfido, and to nobody else. */
const PLACEHOLDER_NAME = { first_name: "Unnamed", last_name: "Holder" };

// While it awaits its applicant there is nothing to say.
const SUBSTATUS_OF: Record<string, KycSubstatus | undefined> = {
  processing: "in_progress",
  awaiting_client_input: "in_progress",
  review: "needs_review",
  approved: "approved",
  declined: "declined",
  abandoned: "expired",
  error: "canceled",
};

const applicant = z.object({ id: z.string().min(1) });

const run = z.object({
  id: z.string().min(1),
  status: z.string(),
  sdk_token: z.string().nullish(),
  link: z.object({ url: z.url().nullish() }).nullish(),
});

const delivery = z.object({
  payload: z.object({
    resource_type: z.string(),
    action: z.string(),
    object: z.object({
      id: z.string().min(1),
      status: z.string().nullish(),
      completed_at_iso8601: z.string().nullish(),
      started_at_iso8601: z.string().nullish(),
    }),
  }),
});

/** Onfido Studio: workflow runs; webhooks sign the body alone (`X-SHA2-Signature`) and have no id of their own. */
export function createOnfido(config: NonNullable<KycConfig["onfido"]>): KycProvider {
  const { apiUrl, apiToken, workflowId, webhookSecrets: secrets } = config;
  const provider = "onfido";
  const headers = { authorization: `Token token=${apiToken}`, "content-type": "application/json" };
  const base = `${apiUrl}/v3.6`;

  async function showRun(sessionId: string, purpose: string) {
    const url = `${base}/workflow_runs/${encodeURIComponent(sessionId)}`;
    return callProvider({ provider, purpose, url, method: "GET", headers, schema: run });
  }

  return {
    name: provider,
    signsTime: false,
    mayRevise: false,
    async createSession({ userId, returnUrl, now }) {
      const { id: applicantId } = await callProvider({
        provider,
        purpose: "create an applicant",
        url: `${base}/applicants`,
        method: "POST",
        headers,
        body: JSON.stringify(PLACEHOLDER_NAME),
        schema: applicant,
      });
      const link = { completed_redirect_url: returnUrl };
      const body = { workflow_id: workflowId, applicant_id: applicantId, customer_user_id: userId, link };
      const answer = await callProvider({
        provider,
        purpose: "create a workflow run",
        url: `${base}/workflow_runs`,
        method: "POST",
        headers,
        body: JSON.stringify(body),
        schema: run,
      });
      return { ...sessionOf(answer), expiresAt: addSeconds(now, FORGOTTEN_SECONDS) };
    },
    resumeSession: async ({ sessionId }) => sessionOf(await showRun(sessionId, "show a workflow run")),
    verifyDelivery({ header, body }) {
      const expected = secrets.map((secret) => hmacHex("sha256", secret, body));
      return matchesAny([header("x-sha2-signature") ?? ""], expected) ? undefined : "signature";
    },
    parseDelivery({ body }) {
      const { resource_type: type, action, object } = parseBody(provider, body, delivery).payload;
      const at = object.completed_at_iso8601 ?? object.started_at_iso8601 ?? "";
      const deliveryKey = `${provider}:${type}:${action}:${object.id}:${at}`;
      const isRun = type === "workflow_run" && object.status;
      return { deliveryKey, decision: isRun ? decisionOf(object.id, isRun) : undefined };
    },
    async fetchDecision({ sessionId }) {
      const { status } = await showRun(sessionId, "show a workflow run");
      return decisionOf(sessionId, status) ?? null;
    },
  };
}

function sessionOf({ id, sdk_token, link }: z.output<typeof run>): ProviderSession {
  return {
    sessionId: id,
    ...(sdk_token && { sdkToken: sdk_token }),
    ...(link?.url && { sessionUrl: link.url }),
  };
}

function decisionOf(sessionId: string, status: string): KycDecision | undefined {
  const substatus = SUBSTATUS_OF[status];
  // A run's reasons are words its customer chose; they stay with Onfido.
  return substatus && { sessionId, substatus, reason: null, mayRetry: true, occurredAt: null };
}
