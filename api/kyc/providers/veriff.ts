import { z } from "zod";
import { addSeconds } from "../../../core/clock";
import { TransientError } from "../../../core/errors";
import type { KycConfig } from "../../../core/config/kyc";
import type { KycReason } from "../reasons";
import type { KycDecision, KycSubstatus } from "../rules";
import { callProvider } from "./callProvider";
import { parseBody } from "./parseBody";
import type { KycProvider } from "./provider";
import { seal, unseal } from "./seal";
import { hmacHex, matchesAny } from "./signatures";

/** Veriff closes a session seven days after it was made. */
const SESSION_SECONDS = 7 * 24 * 60 * 60;

// By the word and not by the code: Veriff's pages do not agree on whether 9121 is `review` or `abandoned`.
const SUBSTATUS_OF: Record<string, KycSubstatus | undefined> = {
  submitted: "in_progress",
  approved: "approved",
  declined: "declined",
  resubmission_requested: "resubmission_requested",
  review: "needs_review",
  expired: "expired",
  abandoned: "expired",
};

const REASON_OF: Record<number, KycReason | undefined> = {
  102: "document_suspicious",
  103: "selfie_mismatch",
  105: "fraud_suspected",
  106: "fraud_suspected",
  108: "duplicate_person",
  109: "fraud_suspected",
  110: "duplicate_person",
  112: "region_unsupported",
  113: "fraud_suspected",
  201: "document_unreadable",
  204: "document_unreadable",
  205: "document_unreadable",
  206: "document_unsupported",
  207: "document_expired",
  539: "attempts_exhausted",
};

const created = z.object({
  verification: z.object({ id: z.string().min(1), url: z.url(), sessionToken: z.string().min(1).optional() }),
});

const verification = z.object({
  id: z.string().min(1),
  attemptId: z.string().nullish(),
  status: z.string(),
  code: z.number().int(),
  reasonCode: z.coerce.number().int().nullish(),
  decisionTime: z.iso.datetime({ offset: true }).nullish(),
});

const decisionAnswer = z.object({ verification: verification.nullish() });

/** Decision webhooks carry a verification; event webhooks, sent while a person is at it, are flat. */
const delivery = z.union([
  z.object({ verification }),
  z.object({ id: z.string().min(1), attemptId: z.string().nullish(), code: z.number().int(), action: z.string() }),
]);

/** Veriff: sessions; webhooks sign the body alone (`X-HMAC-SIGNATURE`), so that the decision is read from the API. */
export function createVeriff(config: NonNullable<KycConfig["veriff"]>): KycProvider {
  const { apiUrl, apiKey, sharedSecrets: secrets } = config;
  const [signingSecret = ""] = secrets;
  const provider = "veriff";
  const headers = { "x-auth-client": apiKey, "content-type": "application/json" };

  return {
    name: provider,
    signsTime: false,
    // A decision after a review may be changed; what its API says now holds.
    mayRevise: true,
    async createSession({ userId, returnUrl, now }) {
      const answer = await callProvider({
        provider,
        purpose: "create a session",
        url: `${apiUrl}/v1/sessions`,
        method: "POST",
        headers,
        body: JSON.stringify({ verification: { callback: returnUrl, vendorData: userId } }),
        schema: created,
      });
      const { id: sessionId, url: sessionUrl, sessionToken } = answer.verification;
      return {
        sessionId,
        sessionUrl,
        ...(sessionToken !== undefined && { sdkToken: sessionToken }),
        expiresAt: addSeconds(now, SESSION_SECONDS),
        // Veriff shows the address once, and wants it used again for another try.
        resumeHandle: seal(sessionUrl, signingSecret, sessionId),
      };
    },
    resumeSession({ sessionId, resumeHandle }) {
      const sessionUrl = resumeHandle === null ? undefined : unseal(resumeHandle, secrets, sessionId);
      if (sessionUrl !== undefined) return Promise.resolve({ sessionId, sessionUrl });
      const reason = "its address was sealed with a secret that is gone, and Veriff does not repeat it";
      return Promise.reject(
        new TransientError("kyc.provider_unavailable", `The session cannot be resumed: ${reason}.`),
      );
    },
    verifyDelivery({ header, body }) {
      const expected = secrets.map((secret) => hmacHex("sha256", secret, body));
      return matchesAny([header("x-hmac-signature") ?? ""], expected) ? undefined : "signature";
    },
    parseDelivery({ body }) {
      const said = parseBody(provider, body, delivery);
      if ("verification" in said) {
        const { id, attemptId, code } = said.verification;
        return { deliveryKey: keyOf(id, attemptId, code), decision: decisionOf(said.verification) };
      }
      const { id: sessionId, attemptId, code, action } = said;
      const substatus = SUBSTATUS_OF[action];
      const decision = substatus && { sessionId, substatus, reason: null, mayRetry: true, occurredAt: null };
      return { deliveryKey: keyOf(sessionId, attemptId, code), decision };
    },
    async fetchDecision({ sessionId }) {
      const answer = await callProvider({
        provider,
        purpose: "show a decision",
        method: "GET",
        schema: decisionAnswer,
        url: `${apiUrl}/v1/sessions/${encodeURIComponent(sessionId)}/decision`,
        // A request without a body is signed over the session's id.
        headers: { ...headers, "x-hmac-signature": hmacHex("sha256", signingSecret, sessionId) },
      });
      // Null while nothing is decided.
      return answer.verification ? (decisionOf(answer.verification) ?? null) : null;
    },
  };
}

function keyOf(sessionId: string, attemptId: string | null | undefined, code: number): string {
  return `veriff:${sessionId}:${attemptId ?? ""}:${code}`;
}

function decisionOf({ id, status, reasonCode, decisionTime }: z.output<typeof verification>): KycDecision | undefined {
  const substatus = SUBSTATUS_OF[status];
  if (substatus === undefined) return undefined;
  const reason = reasonCode === null || reasonCode === undefined ? null : (REASON_OF[reasonCode] ?? "other");
  const occurredAt = decisionTime ? new Date(decisionTime) : null;
  return { sessionId: id, substatus, reason, mayRetry: true, occurredAt };
}
