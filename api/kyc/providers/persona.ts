import { z } from "zod";
import { addSeconds } from "../../../core/clock";
import type { KycConfig } from "../../../core/config/kyc";
import type { KycDecision, KycSubstatus } from "../rules";
import { callProvider } from "./callProvider";
import { parseBody } from "./parseBody";
import type { KycProvider } from "./provider";
import { verifyTimedHex } from "./signatures";

const API_VERSION = "2023-01-05";

/** Templates decide when an inquiry expires, and Persona tells; this is for when it never does. */
const SESSION_SECONDS = 30 * 24 * 60 * 60;

// `completed` says that everything was handed in; the template's workflow, or a person, decides afterwards.
const SUBSTATUS_OF_STATUS: Record<string, KycSubstatus | undefined> = {
  pending: "in_progress",
  completed: "in_progress",
  needs_review: "needs_review",
  approved: "approved",
  declined: "declined",
  failed: "declined",
  expired: "expired",
};

const SUBSTATUS_OF_EVENT: Record<string, KycSubstatus | undefined> = {
  "inquiry.started": "in_progress",
  "inquiry.completed": "in_progress",
  "inquiry.marked-for-review": "needs_review",
  "inquiry.approved": "approved",
  "inquiry.declined": "declined",
  "inquiry.failed": "declined",
  "inquiry.expired": "expired",
};

const inquiryWithToken = z.object({
  data: z.object({ id: z.string().min(1) }),
  meta: z.object({ "session-token": z.string().min(1) }),
});

const inquiryStatus = z.object({ data: z.object({ id: z.string(), attributes: z.object({ status: z.string() }) }) });

const event = z.object({
  data: z.object({
    id: z.string().min(1),
    attributes: z.object({
      name: z.string(),
      "created-at": z.iso.datetime({ offset: true }),
      payload: z.object({ data: z.object({ type: z.string(), id: z.string() }) }),
    }),
  }),
});

/** Persona: inquiries; webhooks sign a time (`Persona-Signature`) and order themselves by `created-at`. */
export function createPersona(config: NonNullable<KycConfig["persona"]>): KycProvider {
  const { apiUrl, apiKey, templateId, webhookSecrets: secrets } = config;
  const provider = "persona";
  const headers = {
    authorization: `Bearer ${apiKey}`,
    "content-type": "application/json",
    "persona-version": API_VERSION,
    "key-inflection": "kebab",
  };
  const inquiryUrl = (sessionId: string) => `${apiUrl}/api/v1/inquiries/${encodeURIComponent(sessionId)}`;

  return {
    name: provider,
    signsTime: true,
    // A reviewer may change a decision in Persona's dashboard.
    mayRevise: true,
    async createSession({ userId, attemptId, now }) {
      const attributes = { "inquiry-template-id": templateId, "reference-id": userId };
      const answer = await callProvider({
        provider,
        purpose: "create an inquiry",
        url: `${apiUrl}/api/v1/inquiries`,
        method: "POST",
        headers: { ...headers, "idempotency-key": attemptId },
        body: JSON.stringify({ data: { attributes }, meta: { "auto-create-inquiry-session": true } }),
        schema: inquiryWithToken,
      });
      return { ...sessionOf(answer), expiresAt: addSeconds(now, SESSION_SECONDS) };
    },
    async resumeSession({ sessionId }) {
      const answer = await callProvider({
        provider,
        purpose: "resume an inquiry",
        url: `${inquiryUrl(sessionId)}/resume`,
        method: "POST",
        headers,
        schema: inquiryWithToken,
      });
      return sessionOf(answer);
    },
    verifyDelivery: ({ header, body }, now) => verifyTimedHex(header("persona-signature"), { body, secrets, now }),
    parseDelivery({ body }) {
      const { id, attributes } = parseBody(provider, body, event).data;
      const { name, payload } = attributes;
      const substatus = payload.data.type === "inquiry" ? SUBSTATUS_OF_EVENT[name] : undefined;
      const occurredAt = new Date(attributes["created-at"]);
      const decision = substatus && decisionOf(payload.data.id, substatus, name === "inquiry.failed", occurredAt);
      return { deliveryKey: `${provider}:${id}`, decision };
    },
    async fetchDecision({ sessionId }) {
      const answer = await callProvider({
        provider,
        purpose: "show an inquiry",
        url: inquiryUrl(sessionId),
        method: "GET",
        headers,
        schema: inquiryStatus,
      });
      const { status } = answer.data.attributes;
      const substatus = SUBSTATUS_OF_STATUS[status];
      return substatus === undefined ? null : decisionOf(sessionId, substatus, status === "failed", null);
    },
  };
}

function sessionOf(answer: z.output<typeof inquiryWithToken>) {
  const sdkToken = answer.meta["session-token"];
  const sessionId = answer.data.id;
  const query = new URLSearchParams({ "inquiry-id": sessionId, "session-token": sdkToken });
  return { sessionId, sdkToken, sessionUrl: `https://withpersona.com/verify?${query.toString()}` };
}

function decisionOf(
  sessionId: string,
  substatus: KycSubstatus,
  isFailed: boolean,
  occurredAt: Date | null,
): KycDecision {
  // An inquiry fails when its checks were tried too often. Why a reviewer declines is free text, which stays there.
  return { sessionId, substatus, reason: isFailed ? "attempts_exhausted" : null, mayRetry: true, occurredAt };
}
