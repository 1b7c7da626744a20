import type { PersonalData, Person } from "../../core/personalData";
import type { AlertStore } from "./alerts/store";
import type { VerificationStore } from "./store";
import type { UsageEntry, UsagePage } from "./usage/rules";
import { showUsage } from "./usage/schemas";
import type { UsageStore } from "./usage/store";

/** What exporting and erasing what is known of a holder's presentations needs. */
export interface HolderDataDeps {
  usage: Pick<UsageStore, "list" | "eraseHolder">;
  verifications: Pick<VerificationStore, "ofCredentials" | "eraseHolder">;
  alerts: Pick<AlertStore, "eraseHolder">;
  /** The ids of a person's credentials, those included that were erased already. */
  credentialIdsOf(person: Person): Promise<string[]>;
}

/** Read in one exchange while exporting. */
const PAGE_SIZE = 1_000;

/** Verifications of a person's credentials, and what the usage log and fraud alerts say of them. */
export function holderData({ usage, verifications, alerts, credentialIdsOf }: HolderDataDeps): PersonalData {
  async function usageOf(credentialId: string): Promise<UsageEntry[]> {
    const found: UsageEntry[] = [];
    let before: UsagePage["before"] = null;
    for (;;) {
      const page: UsageEntry[] = await usage.list({ credentialId }, { limit: PAGE_SIZE, before });
      found.push(...page);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_SIZE) return found;
      before = { timestamp: last.timestamp, id: last.id };
    }
  }

  return {
    async export(person) {
      const ids = await credentialIdsOf(person);
      const entries: UsageEntry[] = [];
      for (const credentialId of ids) entries.push(...(await usageOf(credentialId)));
      const requested = await verifications.ofCredentials(ids);
      return {
        verifications: requested.map(
          ({ verificationId, verifierName, credentialId, status, decision, declined, createdAt }) => ({
            verificationId,
            verifierName,
            credentialId,
            status,
            decidedAt: decision?.decidedAt ?? declined?.at ?? null,
            declineReason: declined?.reason ?? null,
            createdAt,
          }),
        ),
        // Where a request came from is the person's own to know, not where somebody else's did.
        usage: entries.map((entry) => ({
          ...showUsage(entry),
          ...(entry.result === "SUCCESS" && { ipAddress: entry.ipAddress }),
        })),
      };
    },
    async erase(person) {
      const ids = await credentialIdsOf(person);
      await usage.eraseHolder(ids);
      await alerts.eraseHolder(ids, person.dids);
      await verifications.eraseHolder(ids);
    },
  };
}
