import type { PersonalData } from "../../core/personalData";
import type { CommandStore } from "./store";

/** What a person's devices had changed, and how it was answered. */
export function commandData({ commands }: { commands: Pick<CommandStore, "ofUser" | "deleteOf"> }): PersonalData {
  return {
    async export({ userId }) {
      const found = await commands.ofUser(userId);
      return {
        commands: found.map(({ commandId, status, startedAt, outcome }) => ({
          id: commandId,
          status,
          startedAt,
          outcome,
        })),
      };
    },
    erase: ({ userId }) => commands.deleteOf(userId),
  };
}
