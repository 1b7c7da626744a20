import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { type AdminMail, type DirectMail, mailAdmin, notify, type SendDeps, sendMail } from "./actions";
import { createMailJobs } from "./jobs";
import { createMailer } from "./createMailer";
import { notificationData } from "./personalData";
import { mailboxEndpoints } from "./routes";
import { createNotificationStore, type NewNotification } from "./store";
import {
  appendHolderEvent,
  appendUserEvent,
  type NewHolderEvent,
  type NewUserEvent,
  readUserEvents,
} from "./userEvents/actions";
import { createAnnouncer } from "./userEvents/announcements";
import { announcementSweep } from "./userEvents/jobs";
import { createUserEventStore } from "./userEvents/store";

/** Mail and events for users, mail for the administrator. */
export function createNotifications(
  context: Context,
  needs: Pick<SendDeps, "recipientOf"> & { holderOf(did: string): Promise<string | null> },
) {
  const { mail } = context.config;
  const { queue, enqueue, worker } = createMailJobs(context);
  const deps = {
    ...context,
    ...needs,
    notifications: createNotificationStore(context.mongo),
    events: createUserEventStore(context.mongo),
    announcer: createAnnouncer(context),
    enqueue,
  };
  const sending = mail && { ...deps, mailer: createMailer(mail), from: mail.from };
  return defineModule({
    name: "notifications",
    endpoints: mail !== undefined && "mailboxDir" in mail ? mailboxEndpoints({ folder: mail.mailboxDir }) : [],
    queues: [queue],
    workers: [announcementSweep(deps), ...(sending === undefined ? [] : [worker(sending)])],
    ports: {
      personalData: notificationData(deps),
      notify: (notification: NewNotification) => notify(deps, notification),
      appendUserEvent: (event: NewUserEvent) => appendUserEvent(deps, event),
      appendHolderEvent: (event: NewHolderEvent) => appendHolderEvent(deps, event),
      readUserEvents: (input: { userId: string; after: number; limit: number }) => readUserEvents(deps, input),
      /** The numbers of users' newest events; users without any are left out. */
      userEventHeads: (userIds: string[]) => deps.events.heads(userIds),
      /** False when it is not sent and never will be: there is no mail server, or it refuses the mail for good. */
      sendMail: async (mail: DirectMail) => sending !== undefined && sendMail(sending, mail),
      mailAdmin: async (letter: AdminMail) => sending && mailAdmin(sending, letter),
    },
  });
}
