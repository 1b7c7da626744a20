import { type RecordedUse, type RecordingDeps, type UsedCredential, recordUse } from "./actions";
import { useEntryId } from "./store";

/** A credential with uses that are not known to stand in the log. */
export interface UnrecordedUses extends UsedCredential {
  uses: RecordedUse[];
  /** Their verifications' ids. */
  unrecorded: string[];
}

/** What repairing needs from around it. */
export interface RepairDeps extends RecordingDeps {
  unrecorded(limit: number): Promise<UnrecordedUses[]>;
  markRecorded(credentialId: string, verificationIds: string[]): Promise<void>;
}

/**
 * Sees to it that every use that was taken stands in the log and in its verification, whoever was killed in between.
 *
 * @param takenBefore younger uses are left to whoever is recording them right now
 * @returns how many uses had to be recorded, and how many are now known to be
 */
export async function repairUses(
  parts: RepairDeps,
  { limit, takenBefore }: { limit: number; takenBefore: Date },
): Promise<{ repaired: number; recorded: number }> {
  const report = { repaired: 0, recorded: 0 };
  for (const credential of await parts.unrecorded(limit)) {
    const due = credential.uses.filter(
      ({ verificationId, usedAt }) => credential.unrecorded.includes(verificationId) && usedAt < takenBefore,
    );
    const present = await parts.log.present(due.map(({ verificationId }) => useEntryId(verificationId)));
    const recorded: string[] = [];
    for (const use of due) {
      const { verificationId } = use;
      const verification = await parts.verifications.find(verificationId);
      if (verification === null) continue;
      if (!present.has(useEntryId(verificationId)) || verification.status !== "verified") {
        await recordUse(parts, verification, credential, use);
        report.repaired += 1;
      }
      recorded.push(verificationId);
    }
    if (recorded.length > 0) await parts.markRecorded(credential.credentialId, recorded);
    report.recorded += recorded.length;
  }
  return report;
}
