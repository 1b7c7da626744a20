import { type Clock, addSeconds } from "../../../core/clock";
import type { AlertStore, FraudAlert } from "../alerts/store";
import { type RecordedUse, type RecordingParts, type UsedCredential, recordUse } from "./actions";
import { useEntryId } from "./store";

/** A credential with uses that are not known to stand in the log. */
export interface UnrecordedUses extends UsedCredential {
  uses: RecordedUse[];
  /** Their verifications' ids. */
  unrecorded: string[];
}

/** What repairing needs from around it. */
export interface RepairParts extends RecordingParts {
  unrecorded(limit: number): Promise<UnrecordedUses[]>;
  noteRecorded(credentialId: string, verificationIds: string[]): Promise<void>;
}

/**
 * Sees to it that every use that was taken stands in the log and in its verification, whoever was killed in between.
 *
 * @param takenBefore younger uses are left to whoever is recording them right now
 * @returns how many uses had to be recorded, and how many are now known to be
 */
export async function repairUses(
  parts: RepairParts,
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
    if (recorded.length > 0) await parts.noteRecorded(credential.credentialId, recorded);
    report.recorded += recorded.length;
  }
  return report;
}

/** What telling the administrator needs from around it. */
export interface AlarmParts {
  alerts: AlertStore;
  clock: Clock;
  /**
   * Tells the administrator of an alert, by mail for instance.
   *
   * @param waiting how many others wait to be told
   */
  notifyAdmin(alert: FraudAlert, waiting: number): Promise<void>;
}

/** Alerts told one by one in an hour; a flood of mail hides what matters in it. */
const TOLD_PER_HOUR = 20;

/**
 * Tells the administrator of an alert nobody was told of; safe to run twice. Beyond the hour's allowance alerts wait, and
 * the next one that is told says how many do.
 *
 * @returns whether it was told
 */
export async function tellAdmin({ alerts, clock, notifyAdmin }: AlarmParts, alertId: string): Promise<boolean> {
  const alert = await alerts.find(alertId);
  if (alert === null || alert.notifiedAt !== null) return false;
  const now = clock.now();
  if ((await alerts.toldSince(addSeconds(now, -60 * 60))) >= TOLD_PER_HOUR) return false;
  const untold = await alerts.untold(MOST_COUNTED);
  // Told first, noted second: dying in between tells twice, which is better than never.
  await notifyAdmin(alert, untold.length - 1);
  await alerts.noteNotified(alertId, now);
  return true;
}

const MOST_COUNTED = 10_000;
