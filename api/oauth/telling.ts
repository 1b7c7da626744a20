import { addSeconds, type Clock } from "../../core/clock";
import { messageOf } from "../../core/errors";
import type { Logger } from "../../core/logger";
import type { ClientStore } from "./clients/store";
import { type OAuthSession, statusAt } from "./rules";
import type { OAuthSessionStore } from "./store";

/** Pauses before the second and every later try; after the last it is given up. */
const PAUSES_SECONDS = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600];

/** What telling clients needs from around it. */
export interface TellingParts {
  clients: Pick<ClientStore, "find">;
  sessions: Pick<OAuthSessionStore, "find" | "tellingOf" | "noteTelling">;
  clock: Clock;
  /**
   * Sends a signed message (Standard Webhooks).
   *
   * @returns the status it was answered with
   */
  sendWebhook(message: { clientId: string; url: string; id: string; at: Date; body: string }): Promise<number>;
}

/**
 * Makes one try to tell a client how a verification ended, when one is due: also of failures and expiries, after which
 * no browser may ever come back. The message carries no code and nothing of what the person showed.
 */
export async function tellClient(parts: TellingParts, sessionId: string, logger: Logger): Promise<void> {
  const { sessions, clients, clock } = parts;
  const [session, telling] = await Promise.all([sessions.find(sessionId), sessions.tellingOf(sessionId)]);
  if (session === null || telling === null || telling.tellAt > clock.now()) return;
  const url = (await clients.find(session.clientId))?.webhookUrl ?? null;
  const attempts = telling.attempts + 1;
  if (url === null) return sessions.noteTelling(sessionId, telling.attempts, null);

  const { clientId } = session;
  const at = clock.now();
  // One id an outcome: whoever gets it twice knows it by this.
  const message = { clientId, url, id: `msg_${sessionId}`, at, body: bodyOf(session, at) };
  let fault: string | null;
  try {
    const status = await parts.sendWebhook(message);
    fault = status >= 200 && status < 300 ? null : `answered ${status}`;
  } catch (error) {
    fault = messageOf(error);
  }
  const pause = PAUSES_SECONDS[attempts - 1];
  const again = fault === null || pause === undefined ? null : addSeconds(at, pause);
  await sessions.noteTelling(sessionId, attempts, again);
  if (fault === null) logger.info({ oauthSessionId: sessionId, clientId }, "client told of the outcome");
  else
    logger.warn(
      { oauthSessionId: sessionId, clientId, attempts, fault, again },
      "client could not be told of the outcome",
    );
}

function bodyOf(session: OAuthSession, now: Date): string {
  const { sessionId, result, closedAt, request } = session;
  const status = result?.status ?? statusAt(session, now);
  const failure = result?.status === "failed" ? { error_code: result.errorCode } : {};
  const data = {
    session_id: sessionId,
    status,
    state: request?.state ?? null,
    scope: request?.scope ?? "",
    ...failure,
  };
  return JSON.stringify({ type: `oauth.verification.${status}`, timestamp: (closedAt ?? now).toISOString(), data });
}
