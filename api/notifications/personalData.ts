import type { PersonalData } from "../../core/personalData";
import type { NotificationStore } from "./store";
import type { UserEventStore } from "./userEvents/store";

/** Everything later than this is every event. */
const BEGINNING = new Date(0);
/** More than a month's retention holds of one user. */
const MAX_EVENTS = 10_000;

/** A person's notifications and events. One that is on its way finds no account, and is given up. */
export function notificationData({
  notifications,
  events,
}: {
  notifications: Pick<NotificationStore, "ofUser" | "deleteOf">;
  events: Pick<UserEventStore, "since" | "deleteOf">;
}): PersonalData {
  return {
    async export({ userId }) {
      const [stored, published] = await Promise.all([
        notifications.ofUser(userId),
        events.since(userId, BEGINNING, MAX_EVENTS),
      ]);
      return {
        notifications: stored.map(({ template, facts, state, createdAt }) => ({ template, facts, state, createdAt })),
        events: published.map(({ kind, data, at }) => ({ kind, data, at })),
      };
    },
    async erase({ userId }) {
      await notifications.deleteOf(userId);
      await events.deleteOf(userId);
    },
  };
}
