import type { PersonalData } from "../../core/personalData";
import type { DeviceSessionStore } from "./store";

/** A person's registered devices. */
export function deviceSessionData({
  deviceSessions,
}: {
  deviceSessions: Pick<DeviceSessionStore, "ofUser" | "deleteOf">;
}): PersonalData {
  return {
    async export({ userId }) {
      const found = await deviceSessions.ofUser(userId);
      return {
        devices: found.map(({ _id, name, publicKey, createdAt, lastActivityAt, revokedAt }) => ({
          id: _id,
          name,
          publicKey,
          createdAt,
          lastActivityAt,
          revokedAt,
        })),
      };
    },
    erase: ({ userId }) => deviceSessions.deleteOf(userId),
  };
}
