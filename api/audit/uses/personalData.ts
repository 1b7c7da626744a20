import type { PersonalData, Person } from "../../../core/personalData";
import type { BatchStore } from "./store";

/** What exporting and erasing the leaves of a person's uses needs. */
export interface UseDataDeps {
  batches: Pick<BatchStore, "leavesOf" | "eraseSalts">;
  /** The ids of a person's credentials, those included that were erased already. */
  credentialIdsOf(person: Person): Promise<string[]>;
}

/** Leaves about a person's uses. Without its salt nobody can say what a leaf says, and what is on the chain says nothing. */
export function useData({ batches, credentialIdsOf }: UseDataDeps): PersonalData {
  return {
    async export(person) {
      const leaves = await batches.leavesOf(await credentialIdsOf(person));
      return {
        anchoredUses: leaves.map(({ verificationId, credId, useNumber, maxUsages, usedAt, salt, digest }) => ({
          verificationId,
          credId,
          useNumber,
          maxUsages,
          usedAt,
          salt,
          digest,
        })),
      };
    },
    async erase(person) {
      await batches.eraseSalts({ credentialIds: await credentialIdsOf(person) });
    },
  };
}
