import { addSeconds, type Clock } from "../../core/clock";
import { DomainError } from "../../core/errors";
import type { Context, Timing } from "../../process/context";
import { composeMail, type Mailer, MailRejectedError, MailUncertainError } from "./mail";
import type { NewNotification, NotificationStore } from "./store";
import { type Wording, wordingOf } from "./wording";

/** What storing a notification needs. */
export interface NotifyDeps {
  notifications: NotificationStore;
  clock: Clock;
  /** Queues the sending; adding twice is harmless. */
  enqueue(notificationId: string): Promise<void>;
  timing: Pick<Timing, "sweepAfterSeconds">;
}

/** Notifies a user once, however often this is called for one `_id`. When it resolves, the notification is durable. */
export async function notify(deps: NotifyDeps, notification: NewNotification): Promise<void> {
  await deps.notifications.insert(notification, deps.clock.now(), deps.timing.sweepAfterSeconds);
  await deps.enqueue(notification._id);
}

/** What sending a notification needs. */
export interface SendDeps {
  notifications: NotificationStore;
  mailer: Mailer;
  clock: Clock;
  /** `Name <address>` or an address. */
  from: string;
  config: { http: Pick<Context["config"]["http"], "publicUrl"> };
  /** A user's name and address; null when the account is gone. Read when the mail goes out, and not stored. */
  recipientOf(userId: string): Promise<{ name: string; address: string } | null>;
}

/**
 * Sends a stored notification by mail, at most once: past the point of no return it is not sent again unless the mailer
 * delivers one id only once.
 *
 * @throws DomainError `mail.uncertain` when a worker died in the moment in which nobody knows; `mail.refused` when the
 *   mail server will never take it; TransientError when another try may help
 */
export async function sendNotification(deps: SendDeps, notificationId: string): Promise<void> {
  const { notifications, mailer, clock } = deps;
  const notification = await notifications.find(notificationId);
  if (notification === null || ["sent", "uncertain"].includes(notification.state)) return;
  if (notification.state === "handing_over" && !mailer.idempotent) {
    await notifications.finish(notificationId, "uncertain", clock.now());
    throw uncertain(notificationId);
  }
  const to = await deps.recipientOf(notification.userId);
  if (to === null) return notifications.finish(notificationId, "given_up", clock.now());

  const wording = wordingOf(notification.template, notification.facts, deps.config.http.publicUrl);
  const mail = composeMail(wording, { id: notificationId, from: deps.from, to, sentAt: clock.now() });
  const isRepeat = notification.state === "handing_over";
  try {
    const commit = () => (isRepeat ? Promise.resolve(true) : notifications.beginHandover(notificationId, clock.now()));
    if (!(await mailer.send(mail, commit))) return;
  } catch (error) {
    return afterFailure(deps, notificationId, error);
  }
  await notifications.finish(notificationId, "sent", clock.now());
}

async function afterFailure(
  { notifications, clock }: SendDeps,
  notificationId: string,
  error: unknown,
): Promise<never> {
  const now = clock.now();
  if (error instanceof MailUncertainError) {
    await notifications.finish(notificationId, "uncertain", now);
    throw uncertain(notificationId, error);
  }
  if (error instanceof MailRejectedError) {
    await notifications.finish(notificationId, "given_up", now);
    throw new DomainError("mail.refused", "invalid", error.message, { cause: error });
  }
  await notifications.abandonHandover(notificationId, now, addSeconds(now, 60));
  throw error;
}

/** A mail that is sent at once, as often as it is asked for. */
export interface DirectMail {
  /** The same for every attempt. */
  id: string;
  to: { name: string; address: string };
  wording: Wording;
}

/**
 * Sends a mail without storing it: for what may come twice, and is kept elsewhere until it is sent.
 *
 * @returns false when the mail server will never take it
 * @throws MailUncertainError, TransientError when another try may help
 */
export async function sendMail(
  { mailer, from, clock, logger }: Pick<SendDeps, "mailer" | "from" | "clock"> & Pick<Context, "logger">,
  { id, to, wording }: DirectMail,
): Promise<boolean> {
  try {
    await mailer.send(composeMail(wording, { id, from, to, sentAt: clock.now() }), () => Promise.resolve(true));
    return true;
  } catch (error) {
    if (!(error instanceof MailRejectedError)) throw error;
    logger.warn({ err: error, mailId: id }, "the mail server refused a mail for good");
    return false;
  }
}

/** A mail to the administrator. */
export interface AdminMail {
  /** The same for every attempt. */
  id: string;
  wording: Wording;
}

/** Writes to the administrator, where an address is configured. */
export async function mailAdmin(
  { config, mailer, from, clock }: Pick<SendDeps, "mailer" | "from" | "clock"> & Pick<Context, "config">,
  { id, wording }: AdminMail,
): Promise<void> {
  if (config.adminEmail === undefined) return;
  const to = { name: "administrator", address: config.adminEmail };
  await mailer.send(composeMail(wording, { id, from, to, sentAt: clock.now() }), () => Promise.resolve(true));
}

function uncertain(notificationId: string, cause?: Error): DomainError {
  return new DomainError(
    "mail.uncertain",
    "conflict",
    `Nobody knows whether the mail server took ${notificationId}: look for its Message-ID in the server's log. ` +
      "It is not sent again, so that nobody gets it twice.",
    cause === undefined ? {} : { cause },
  );
}
