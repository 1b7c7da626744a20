import type { PersonalData } from "../../core/personalData";
import type { NotificationStore } from "./store";
import type { UserEventStore } from "./userEvents/store";

/** More than a month's retention holds of one user. */
const MAX_EVENTS = 10_000;

/** A person's notifications and events. One that is on its way finds no account, and is given up. */
export function notificationData({
  notifications,
  events,
}: {
  notifications: Pick<NotificationStore, "ofUser" | "deleteOf">;
  events: Pick<UserEventStore, "after" | "deleteOf">;
}): PersonalData {
  return {
    async export({ userId }) {
      const [stored, published] = await Promise.all([
        notifications.ofUser(userId),
        events.after(userId, 0, MAX_EVENTS),
      ]);
      return {
        notifications: stored.map(({ template, facts, state, createdAt }) => ({ template, facts, state, createdAt })),
        events: published.map(({ seq, type, payload, at }) => ({ seq, type, payload, at })),
      };
    },
    async erase({ userId }) {
      await notifications.deleteOf(userId);
      await events.deleteOf(userId);
    },
  };
}
