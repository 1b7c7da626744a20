import { addSeconds, type Clock } from "../../core/clock";
import { DomainError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import { composeMail, type Mailer, MailRefused, MailUncertain } from "./mail";
import type { NewNotification, NotificationStore } from "./store";
import { wordingOf } from "./wording";

/** What keeping a notification needs. */
export interface NotifyingParts {
  notifications: NotificationStore;
  clock: Clock;
  /** Queues the sending; adding twice is harmless. */
  enqueue(notificationId: string): Promise<void>;
  /** After this long without an outcome a sweep queues the notification again. */
  sweepSeconds: number;
}

/** Has a user told, once, however often this is called for one `_id`. When it resolves, the notification is durable. */
export async function notify(parts: NotifyingParts, notification: NewNotification): Promise<void> {
  await parts.notifications.keep(notification, parts.clock.now(), parts.sweepSeconds);
  await parts.enqueue(notification._id);
}

/** What sending a notification needs. */
export interface SendingParts {
  notifications: NotificationStore;
  mailer: Mailer;
  clock: Clock;
  logger: Logger;
  from: string;
  publicUrl: string;
  /** Where a user is written to; null when the account is gone. Asked when the mail goes out, and not kept. */
  recipientOf(userId: string): Promise<{ name: string; address: string } | null>;
}

/**
 * Sends a kept notification by mail, at most once: past the point of no return it is not sent again unless the mailer
 * delivers one id only once.
 *
 * @throws DomainError `mail.uncertain` when a worker died in the moment in which nobody knows; `mail.refused` when the
 *   mail server will never take it; TransientError when another try may help
 */
export async function sendNotification(parts: SendingParts, notificationId: string): Promise<void> {
  const { notifications, mailer, clock } = parts;
  const notification = await notifications.find(notificationId);
  if (notification === null || ["sent", "uncertain"].includes(notification.state)) return;
  if (notification.state === "handing_over" && !mailer.idempotent) {
    await notifications.settle(notificationId, "uncertain", clock.now());
    throw uncertain(notificationId);
  }
  const to = await parts.recipientOf(notification.userId);
  if (to === null) return notifications.settle(notificationId, "given_up", clock.now());

  const wording = wordingOf(notification.template, notification.facts, parts.publicUrl);
  const mail = composeMail(wording, { id: notificationId, from: parts.from, to, sentAt: clock.now() });
  const isRepeat = notification.state === "handing_over";
  try {
    const commit = () => (isRepeat ? Promise.resolve(true) : notifications.beginHandover(notificationId, clock.now()));
    if (!(await mailer.send(mail, commit))) return;
  } catch (error) {
    return afterFailure(parts, notificationId, error);
  }
  await notifications.settle(notificationId, "sent", clock.now());
}

async function afterFailure(
  { notifications, clock }: SendingParts,
  notificationId: string,
  error: unknown,
): Promise<never> {
  const now = clock.now();
  if (error instanceof MailUncertain) {
    await notifications.settle(notificationId, "uncertain", now);
    throw uncertain(notificationId, error);
  }
  if (error instanceof MailRefused) {
    await notifications.settle(notificationId, "given_up", now);
    throw new DomainError("mail.refused", "invalid", error.message, { cause: error });
  }
  await notifications.abandonHandover(notificationId, now, addSeconds(now, 60));
  throw error;
}

function uncertain(notificationId: string, cause?: Error): DomainError {
  return new DomainError(
    "mail.uncertain",
    "conflict",
    `Nobody knows whether the mail server took ${notificationId}: look for its Message-ID in the server's log. ` +
      "It is not sent again, so that nobody is told twice.",
    cause === undefined ? {} : { cause },
  );
}
