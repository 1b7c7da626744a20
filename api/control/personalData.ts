import type { Budgets } from "../../chain/relayer/budgets";
import type { PersonalData } from "../../core/personalData";
import type { OperationStore } from "./store";

/** Changes of control that a person asked for, and what the relayer paid for the person; the changes are on the chain. */
export function controlData({
  operations,
  budgets,
}: {
  operations: Pick<OperationStore, "ofUser" | "removeUser">;
  budgets: Pick<Budgets, "spentOn" | "forget">;
}): PersonalData {
  return {
    async export({ userId }) {
      const [asked, spent] = await Promise.all([
        operations.ofUser(userId),
        budgets.spentOn({ kind: "user", id: userId }),
      ]);
      return {
        controlOperations: asked.map(({ operationId, identity, write, state, transactionHash, createdAt }) => {
          return { operationId, identity, type: write.type, state, transactionHash, createdAt };
        }),
        relayerSpending: spent,
      };
    },
    async erase({ userId }) {
      await operations.removeUser(userId);
      await budgets.forget({ kind: "user", id: userId });
    },
  };
}
