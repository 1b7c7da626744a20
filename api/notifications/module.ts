import { type Context, jobRuntimeOf } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import { notify, type SendDeps } from "./actions";
import { enqueueMail, createMailQueue, startMailWorker } from "./jobs";
import { composeMail } from "./mail";
import { createMailer } from "./createMailer";
import { mailboxEndpoints } from "./routes";
import { type NewNotification, createNotificationStore } from "./store";
import type { Wording } from "./wording";
import { createUserEventStore, type UserEvent } from "./userEvents/store";

export type NotificationNeeds = Pick<SendDeps, "recipientOf">;

export interface NotificationPorts {
  /** Has a user notified by mail, once for each `_id`. */
  notify(notification: NewNotification): Promise<void>;
  /** Stores an event for a user's devices, once for each `_id`. */
  publish(event: UserEvent): Promise<void>;
  /** Writes to the administrator, where an address and a way to carry mail are configured. */
  mailAdmin(mail: { id: string; wording: Wording }): Promise<void>;
}

/** Mail and events for users, mail for the administrator. */
export function createNotifications(context: Context, needs: NotificationNeeds): Module<NotificationPorts> {
  const { config, clock, logger, mongo, timing } = context;
  const { mail, adminEmail } = config;
  const jobs = jobRuntimeOf(context);
  const notifications = createNotificationStore(mongo);
  const events = createUserEventStore(mongo);
  const queue = createMailQueue(jobs);
  const mailer = mail && createMailer(mail);
  const notifying = {
    notifications,
    clock,
    sweepSeconds: timing.sweepAfterSeconds,
    enqueue: (id: string) => enqueueMail(queue, id),
  };

  return defineModule({
    name: "notifications",
    endpoints: mail !== undefined && "mailboxDir" in mail ? mailboxEndpoints({ folder: mail.mailboxDir }) : [],
    queues: [queue],
    workers:
      mail === undefined || mailer === undefined
        ? []
        : [
            {
              name: "mail",
              start: () =>
                startMailWorker({
                  notifications,
                  mailer,
                  queue,
                  jobs,
                  clock,
                  logger,
                  from: mail.from,
                  publicUrl: config.http.publicUrl,
                  recipientOf: needs.recipientOf,
                  concurrency: 4,
                  sweepIntervalMs: timing.sweepIntervalMs,
                }),
            },
          ],
    ports: {
      notify: (notification) => notify(notifying, notification),
      publish: (event) => events.append(event),
      async mailAdmin({ id, wording }) {
        if (mail === undefined || mailer === undefined || adminEmail === undefined) return;
        const to = { name: "administrator", address: adminEmail };
        const message = composeMail(wording, { id, from: mail.from, to, sentAt: clock.now() });
        await mailer.send(message, () => Promise.resolve(true));
      },
    },
  });
}
