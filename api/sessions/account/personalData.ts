import type { PersonalData } from "../../../core/personalData";
import type { SessionStore } from "../store";
import type { UserStore } from "../users/store";

/** The account itself and its sessions. The account's own fields are erased when its erasure begins. */
export function accountData({
  users,
  sessions,
}: {
  users: Pick<UserStore, "findById">;
  sessions: Pick<SessionStore, "ofUser" | "deleteOf">;
}): PersonalData {
  return {
    async export({ userId }) {
      const user = await users.findById(userId);
      const account = user && {
        email: user.email,
        name: user.name,
        createdAt: user.createdAt,
        emailVerifiedAt: user.emailVerifiedAt,
      };
      const found = await sessions.ofUser(userId);
      return {
        account,
        sessions: found.map(({ _id, device, createdAt, lastActivityAt, revokedAt, wallet }) => ({
          id: _id,
          device,
          wallet,
          createdAt,
          lastActivityAt,
          revokedAt,
        })),
      };
    },
    erase: ({ userId }) => sessions.deleteOf(userId),
  };
}
