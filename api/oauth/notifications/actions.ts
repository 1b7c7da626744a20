import { equalsInConstantTime, sha256Hex } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import { closeSession, type CloseOutcome, type CloseSessionDeps } from "../authorization/closeSession";
import { NOTIFICATION_HEADER } from "../clients/rules";
import type { ClientStore } from "../clients/store";
import type { OAuthSessionStore } from "../store";
import type { Notification, NotificationFacts } from "./rules";

/** A notification as the inbox stores it. */
export interface ReceivedNotification {
  source: "oauth";
  /** What the verifier repeats when it repeats the notification. */
  deliveryKey: string;
  facts: NotificationFacts;
  requestId: string;
}

export interface ReceiveNotificationDeps {
  clients: Pick<ClientStore, "find">;
  sessions: Pick<OAuthSessionStore, "findByVerification">;
  /** Stores a notification durably; false when it was stored before. */
  receive(notification: ReceivedNotification): Promise<boolean>;
}

/**
 * Stores a verifier's notification, so that it may be acknowledged.
 *
 * @param input.header reads a header of the request
 */
export async function receiveNotification(
  deps: ReceiveNotificationDeps,
  input: {
    notification: Notification;
    header(name: string): string | undefined;
    requestId: string;
    logger: Logger;
  },
): Promise<void> {
  const { notification, requestId, logger } = input;
  const { verificationId, timestamp } = notification;
  const key = input.header(await keyHeaderOf(deps, verificationId));
  const keyHash = key === undefined ? null : sha256Hex(key);
  // The key is part of what makes two deliveries the same: a forged one must not pass for the repeat of a genuine one.
  const deliveryKey = JSON.stringify([verificationId, timestamp, keyHash]);
  const isNew = await deps.receive({ source: "oauth", deliveryKey, facts: { verificationId, keyHash }, requestId });
  logger.info({ verificationId, isNew }, "notification stored");
}

/** The header that holds the key of the verifier at which a verification was created. */
async function keyHeaderOf(
  { sessions, clients }: Pick<ReceiveNotificationDeps, "sessions" | "clients">,
  verificationId: string,
): Promise<string> {
  const session = await sessions.findByVerification(verificationId);
  const client = session === null ? null : await clients.find(session.clientId);
  return client?.notificationHeader ?? NOTIFICATION_HEADER;
}

export interface ApplyNotificationDeps extends CloseSessionDeps {
  sessions: CloseSessionDeps["sessions"] & Pick<OAuthSessionStore, "findByVerification">;
}

/**
 * Applies a stored notification: it says only that the verifier has news, so the verifier is asked. Safe to run twice
 * and at once.
 *
 * @throws TransientError `verifier.*` when the verifier cannot be asked now
 */
export async function applyNotification(
  deps: ApplyNotificationDeps,
  { facts, logger }: { facts: NotificationFacts; logger: Logger },
): Promise<CloseOutcome | "unauthorized"> {
  const { verificationId, keyHash } = facts;
  await deps.onStep?.("began");
  const session = await deps.sessions.findByVerification(verificationId);
  if (session === null) {
    const outcome = "session_not_found";
    logger.error({ verificationId, outcome }, "notification ignored: session not found");
    return outcome;
  }
  const client = await deps.clients.find(session.clientId);
  const expected = client?.notificationKeyHash ?? null;
  if (expected !== null && !equalsInConstantTime(expected, keyHash ?? "")) {
    const outcome = "unauthorized";
    logger.error({ verificationId, outcome }, "notification ignored: it does not carry the verifier's key");
    return outcome;
  }
  return closeSession(deps, { session, client, logger });
}
