import { sha256Hex } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import type { Context } from "../../../process/context";
import { closeSession, type CloseOutcome, type CloseSessionDeps } from "../authorization/closeSession";
import type { ClientStore } from "../clients/store";
import type { OAuthSessionStore } from "../store";
import { type Notification, type NotificationFacts, notificationRejection } from "./rules";

const SOURCE = "oauth";

/** How metrics name whoever notifies: verifiers are not told apart. */
const SENDER = "verifier";

/** Counts a notification by what became of it. */
type CountDelivery = (source: string, sender: string, outcome: string) => void;

/** A notification as the inbox stores it. */
export interface ReceivedNotification {
  source: typeof SOURCE;
  /** What the verifier repeats when it repeats the notification. */
  deliveryKey: string;
  facts: NotificationFacts;
  requestId: string;
}

export interface ReceiveNotificationDeps extends Pick<Context, "clock"> {
  clients: Pick<ClientStore, "find">;
  sessions: Pick<OAuthSessionStore, "findByVerification">;
  /** Stores a notification durably; false when it was stored before. */
  receive(notification: ReceivedNotification): Promise<boolean>;
  count: CountDelivery;
}

/**
 * Stores a verifier's notification where it belongs to a session that waits for its wallet, and carries the client's key
 * where one is agreed upon; anything else leaves a log line and a count. Whoever sent it is told the same: that would
 * say which verifications there are.
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
  const session = await deps.sessions.findByVerification(verificationId);
  const client = session === null ? null : await deps.clients.find(session.clientId);
  const key = client === null ? undefined : input.header(client.notificationHeader);
  const rejection = notificationRejection({ session, client, keyHash: hashOf(key), now: deps.clock.now() });
  if (rejection !== null) {
    const { outcome, reason, level } = rejection;
    deps.count(SOURCE, SENDER, outcome);
    logger[level]({ verificationId, outcome }, `notification ignored: ${reason}`);
    return;
  }
  const deliveryKey = JSON.stringify([verificationId, timestamp]);
  const isNew = await deps.receive({ source: SOURCE, deliveryKey, facts: { verificationId }, requestId });
  deps.count(SOURCE, SENDER, isNew ? "accepted" : "duplicate");
  logger.info({ verificationId, isNew }, "notification stored");
}

/**
 * Stores that this process's own verifier has an answer, as a notification is stored: the session closes at once, and a
 * kill loses nothing. A verification of no session is somebody else's, and none of ours.
 */
export async function receiveAnswer(
  deps: Pick<ReceiveNotificationDeps, "receive" | "count" | "sessions">,
  verificationId: string,
): Promise<void> {
  if ((await deps.sessions.findByVerification(verificationId)) === null) return;
  const deliveryKey = JSON.stringify([verificationId]);
  const notification = { source: SOURCE, deliveryKey, facts: { verificationId }, requestId: verificationId } as const;
  const isNew = await deps.receive(notification);
  deps.count(SOURCE, SENDER, isNew ? "accepted" : "duplicate");
}

function hashOf(key: string | undefined): string | null {
  return key === undefined ? null : sha256Hex(key);
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
): Promise<CloseOutcome> {
  const { verificationId } = facts;
  await deps.onStep?.("began");
  const session = await deps.sessions.findByVerification(verificationId);
  if (session === null) {
    const outcome = "session_not_found";
    logger.error({ verificationId, outcome }, "notification ignored: session not found");
    return outcome;
  }
  const client = await deps.clients.find(session.clientId);
  return closeSession(deps, { session, client, logger });
}
