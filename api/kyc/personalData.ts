import type { Clock } from "../../core/clock";
import type { PersonalData } from "../../core/personalData";
import { viewOf } from "./rules";
import type { SandboxStore } from "./sandbox/store";
import type { KycStore } from "./store";

/** A person's identity verification: status, session and reason. Documents are at the provider alone. */
export function kycData({
  kyc,
  sandbox,
  clock,
}: {
  kyc: Pick<KycStore, "find" | "delete">;
  sandbox: Pick<SandboxStore, "deleteOf">;
  clock: Clock;
}): PersonalData {
  return {
    export: async ({ userId }) => ({ kyc: viewOf((await kyc.find(userId)).state, clock.now()) }),
    async erase({ userId }) {
      await kyc.delete(userId);
      await sandbox.deleteOf(userId);
    },
  };
}
