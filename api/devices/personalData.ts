import type { PersonalData } from "../../core/personalData";
import type { EmailChallengeStore } from "./registration/store";
import type { DeviceSessionStore } from "./store";

/** A person's registered devices, and the codes that registered them. */
export function deviceData({
  deviceSessions,
  challenges,
}: {
  deviceSessions: Pick<DeviceSessionStore, "ofUser" | "deleteOf">;
  challenges: Pick<EmailChallengeStore, "deleteOf">;
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
    async erase({ userId }) {
      // First: a confirmation that is repeated finds nothing to finish.
      await challenges.deleteOf(userId);
      await deviceSessions.deleteOf(userId);
    },
  };
}
