import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { type AdminMail, mailAdmin, notify, type SendDeps } from "./actions";
import { createMailJobs } from "./jobs";
import { createMailer } from "./createMailer";
import { notificationData } from "./personalData";
import { mailboxEndpoints } from "./routes";
import { createNotificationStore, type NewNotification } from "./store";
import { createUserEventStore, type UserEvent } from "./userEvents/store";

/** Mail and events for users, mail for the administrator. */
export function createNotifications(context: Context, needs: Pick<SendDeps, "recipientOf">) {
  const { mail } = context.config;
  const { queue, enqueue, worker } = createMailJobs(context);
  const events = createUserEventStore(context.mongo);
  const deps = { ...context, ...needs, notifications: createNotificationStore(context.mongo), enqueue };
  const sending = mail && { ...deps, mailer: createMailer(mail), from: mail.from };
  return defineModule({
    name: "notifications",
    endpoints: mail !== undefined && "mailboxDir" in mail ? mailboxEndpoints({ folder: mail.mailboxDir }) : [],
    queues: [queue],
    workers: sending === undefined ? [] : [worker(sending)],
    ports: {
      personalData: notificationData({ notifications: deps.notifications, events }),
      notify: (notification: NewNotification) => notify(deps, notification),
      publish: (event: UserEvent) => events.append(event),
      mailAdmin: async (letter: AdminMail) => sending && mailAdmin(sending, letter),
    },
  });
}
