import { z } from "zod";
import { addSeconds } from "../../../core/clock";
import { randomToken } from "../../../core/crypto";
import { TransientError } from "../../../core/errors";
import { KYC_SUBSTATUSES, type KycDecision, type KycSubstatus } from "../rules";
import type { SandboxStore } from "../sandbox/store";
import { parseBody } from "./parseBody";
import type { KycProvider } from "./provider";
import { verifyWebhook } from "./standardWebhooks";

const SESSION_SECONDS = 24 * 60 * 60;

const event = z.object({
  type: z.string(),
  timestamp: z.iso.datetime(),
  data: z.object({ sessionId: z.string().min(1), status: z.enum(KYC_SUBSTATUSES) }),
});

/** The built-in provider: sessions are decided on a page of this API; webhooks follow Standard Webhooks 1.0. */
export function createSandbox(deps: { sandbox: SandboxStore; secrets: string[]; publicUrl: string }): KycProvider {
  const { sandbox, secrets } = deps;
  const provider = "sandbox";
  const sessionOf = (sessionId: string) => ({ sessionId, sessionUrl: `${deps.publicUrl}/sandbox/kyc/${sessionId}` });
  return {
    name: provider,
    signsTime: true,
    mayRevise: false,
    async createSession({ userId, now }) {
      const sessionId = randomToken("sbx_");
      const expiresAt = addSeconds(now, SESSION_SECONDS);
      await sandbox.insert({ _id: sessionId, reference: userId, createdAt: now, expiresAt });
      return { ...sessionOf(sessionId), expiresAt };
    },
    resumeSession: ({ sessionId }) => Promise.resolve(sessionOf(sessionId)),
    verifyDelivery: (delivery, now) => verifyWebhook(delivery, secrets, now),
    parseDelivery({ header, body }) {
      const { timestamp, data } = parseBody(provider, body, event);
      const decision = decisionOf(data.sessionId, data.status, new Date(timestamp));
      return { deliveryKey: `${provider}:${header("webhook-id") ?? ""}`, decision };
    },
    async fetchDecision({ sessionId }) {
      const session = await sandbox.find(sessionId);
      if (session === null) throw new TransientError("kyc.provider_unavailable", "The sandbox has no such session.");
      const { substatus, events } = session;
      return substatus === "opened" ? null : decisionOf(sessionId, substatus, events.at(-1)?.at ?? null);
    },
  };
}

function decisionOf(sessionId: string, substatus: KycSubstatus, occurredAt: Date | null): KycDecision {
  const reason = substatus === "resubmission_requested" ? "document_unreadable" : null;
  return {
    sessionId,
    substatus,
    reason: substatus === "declined" ? "selfie_mismatch" : reason,
    mayRetry: true,
    occurredAt,
  };
}
