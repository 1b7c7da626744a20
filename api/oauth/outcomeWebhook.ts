import type { Logger } from "../../core/logger";
import type { ClientStore } from "./clients/store";
import type { OAuthSession } from "./rules";
import type { OAuthSessionStore } from "./store";

/** The webhook that reports the outcome of a verification to its client. */
export interface OutcomeWebhook {
  /** One an outcome: a client that gets a message twice knows it by this. */
  id: string;
  /** Whose secret signs it. */
  secretOwner: string;
  url: string;
  type: string;
  timestamp: Date;
  data: object;
}

export interface HandOverDeps {
  clients: Pick<ClientStore, "find">;
  sessions: Pick<OAuthSessionStore, "findPendingDelivery" | "markHandedOver">;
  /** Takes on a webhook, durably once this resolves; the same id again changes nothing. */
  deliver(webhook: OutcomeWebhook): Promise<void>;
}

/** The owner of the secret that signs a client's webhooks. */
export function secretOwnerOf(clientId: string): string {
  return `oauth client ${clientId}`;
}

/**
 * Hands the webhook of a closed or expired session over for delivery, if it still waits for that. Safe to run twice and
 * at once: whoever closed the session does it, and the sweep does it again when that process died.
 */
export async function handOverOutcome(deps: HandOverDeps, sessionId: string): Promise<void> {
  const session = await deps.sessions.findPendingDelivery(sessionId);
  if (session === null) return;
  const client = await deps.clients.find(session.clientId);
  const url = client?.webhookUrl ?? null;
  if (url !== null) await deps.deliver(outcomeWebhook(session, url));
  await deps.sessions.markHandedOver(sessionId);
}

/** Hands over without failing: the session is closed, and the sweep hands over what is left. */
export async function tryHandOver(deps: HandOverDeps, sessionId: string, logger: Logger): Promise<void> {
  try {
    await handOverOutcome(deps, sessionId);
  } catch (error) {
    logger.debug({ err: error, oauthSessionId: sessionId }, "a webhook was not handed over; the sweep does it");
  }
}

/**
 * Failures and expiries are reported as well, after which no browser may ever come back. The message carries no code and nothing
 * of what the person showed.
 */
function outcomeWebhook(session: OAuthSession, url: string): OutcomeWebhook {
  const { sessionId, clientId, result, createdAt, closedAt, request } = session;
  const status = result?.status ?? "expired";
  return {
    id: `msg_${sessionId}`,
    secretOwner: secretOwnerOf(clientId),
    url,
    type: `oauth.verification.${status}`,
    timestamp: closedAt ?? createdAt,
    data: {
      session_id: sessionId,
      status,
      state: request?.state ?? null,
      scope: request?.scope ?? "",
      ...(result?.status === "failed" && { error_code: result.errorCode }),
    },
  };
}
