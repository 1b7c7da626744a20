import { randomId } from "../../../core/crypto";
import { type CredentialDeps, type HoldingDeps, requireHeldCredential } from "../access";
import { fraudKindOf } from "../alerts/rules";
import type { AlertStore } from "../alerts/store";
import type { Rejection } from "../confirmation/rules";
import { type HolderEvents, tellDecided, tellFraud, tellUsed } from "../holderEvents";
import { decisionOf, type Decision, type RecordedUse, type UsedCredential, type Verification } from "../rules";
import type { Decided, VerificationStore } from "../store";
import { type UsageEntry, type UsageFilter, type UsagePage, useEntry, useEntryId } from "./rules";
import type { UsageStore } from "./store";

/** What recording a use needs. */
export interface RecordUseDeps extends HolderEvents {
  usage: Pick<UsageStore, "append">;
  verifications: Pick<VerificationStore, "recordVerified">;
  /** Hands the decision's webhook over for delivery; neither waits nor throws. */
  handOver(verification: Decided): void;
}

/** What recording a rejection needs. */
export interface RecordRejectionDeps extends HolderEvents {
  usage: Pick<UsageStore, "append">;
  verifications: Pick<VerificationStore, "recordFailed">;
  handOver: RecordUseDeps["handOver"];
  alerts: Pick<AlertStore, "record">;
  /** Queues the administrator's notification; neither waits nor throws. */
  enqueueAlert(alertId: string): void;
}

/**
 * Records a use that was taken: in the log and for the holder's devices, then in its verification. All of it follows from the use itself, so it may be
 * done again by anyone: by a repeated confirmation, or by the sweep after whoever took the use was killed.
 */
export async function recordUse(
  deps: RecordUseDeps,
  { verification, credential, use }: { verification: Decided; credential: UsedCredential; use: RecordedUse },
): Promise<void> {
  await Promise.all([deps.usage.append(useEntry(credential, use)), tellUsed(deps, credential, use)]);
  await deps.verifications.recordVerified(verification, decisionOf(use));
  deps.handOver(verification);
}

/** An attempt that took no use. */
export interface Attempt {
  verification: Verification;
  credential: UsedCredential;
  presenterDid: string;
  ip: string;
  at: Date;
}

/** An attempt that was decided on. */
interface DecidedAttempt extends Attempt {
  /** The account whose signature it bore; null when it named nobody. */
  signer: string | null;
}

/** Records a rejection: in the log first, then as a fraud alert if it may be one, then in its verification. */
export async function recordRejection(
  deps: RecordRejectionDeps,
  { attempt, rejection, decision }: { attempt: DecidedAttempt; rejection: Rejection; decision: Decision },
): Promise<void> {
  const { result, reason, code } = rejection;
  await deps.usage.append(entryOf(attempt, { result, reason, code }));
  await recordFraud(deps, attempt, rejection);
  const { verification, credential, at } = attempt;
  // Somebody's second answer does not change what was decided on the first.
  if (code === "verification.challenge_consumed") return;
  const { verificationId, credentialId } = verification;
  await tellDecided(deps, { verificationId, credentialId, did: credential.subjectDid }, { status: "failed", at });
  await deps.verifications.recordFailed(verification, decision);
  deps.handOver(verification);
}

async function recordFraud(
  deps: HolderEvents & Pick<RecordRejectionDeps, "alerts" | "enqueueAlert">,
  { verification, credential, presenterDid, signer, ip, at }: DecidedAttempt,
  { code }: Rejection,
): Promise<void> {
  const kind = fraudKindOf(code);
  if (kind === null) return;
  const alertId = await deps.alerts.record({
    credentialId: credential.credentialId,
    issuer: credential.issuer,
    subjectDid: credential.subjectDid,
    kind,
    // Whoever gives the holder's DID without the holder's signature makes the holder no presenter.
    presenterDid: kind === "holder_mismatch" && presenterDid === credential.subjectDid ? null : presenterDid,
    signer,
    verifierId: verification.verifierId,
    verifierName: verification.verifierName,
    ipAddress: ip,
    at,
  });
  if (alertId === null) return;
  await tellFraud(deps, credential, { alertId, kind, at });
  deps.enqueueAlert(alertId);
}

/** Records an attempt on which nothing could be decided. */
export async function recordUndecided({ usage }: Pick<RecordUseDeps, "usage">, attempt: Attempt): Promise<void> {
  const undecided = { ...attempt, signer: null };
  await usage.append(entryOf(undecided, { result: "UNDECIDED", reason: "The chain could not be asked", code: null }));
}

function entryOf(
  { verification, credential, presenterDid, signer, ip, at }: DecidedAttempt,
  { result, reason, code }: Pick<UsageEntry, "result" | "reason" | "code">,
): UsageEntry {
  return {
    id: randomId(),
    credentialId: credential.credentialId,
    issuer: credential.issuer,
    subjectDid: credential.subjectDid,
    presenterId: presenterDid,
    signer,
    verifierId: verification.verifierId,
    verifierName: verification.verifierName,
    verificationId: verification.verificationId,
    result,
    reason,
    code,
    ipAddress: ip,
    timestamp: at,
  };
}

/** A credential with uses that are not known to be logged. */
export interface UnrecordedUses extends UsedCredential {
  uses: RecordedUse[];
  /** Their verifications' ids. */
  unrecorded: string[];
}

/** What repairing needs. */
export interface RepairDeps extends RecordUseDeps {
  usage: Pick<UsageStore, "append" | "present">;
  verifications: Pick<VerificationStore, "find" | "recordVerified">;
  unrecorded(limit: number): Promise<UnrecordedUses[]>;
  markRecorded(credentialId: string, verificationIds: string[]): Promise<void>;
}

/**
 * Has every use that was taken recorded in the log and in its verification, whoever was killed in between.
 *
 * @param input.takenBefore younger uses are left to whoever is recording them right now
 * @returns how many uses had to be recorded, and how many are now known to be
 */
export async function repairUses(
  deps: RepairDeps,
  { limit, takenBefore }: { limit: number; takenBefore: Date },
): Promise<{ repaired: number; recorded: number }> {
  const report = { repaired: 0, recorded: 0 };
  for (const credential of await deps.unrecorded(limit)) {
    const { repaired, recorded } = await repairUsesOf(deps, credential, takenBefore);
    if (recorded.length > 0) await deps.markRecorded(credential.credentialId, recorded);
    report.repaired += repaired;
    report.recorded += recorded.length;
  }
  return report;
}

async function repairUsesOf(
  deps: RecordUseDeps & Pick<RepairDeps, "usage" | "verifications">,
  credential: UnrecordedUses,
  takenBefore: Date,
): Promise<{ repaired: number; recorded: string[] }> {
  const isDue = ({ verificationId, usedAt }: RecordedUse) =>
    credential.unrecorded.includes(verificationId) && usedAt < takenBefore;
  const due = credential.uses.filter(isDue);
  const logged = await deps.usage.present(due.map(({ verificationId }) => useEntryId(verificationId)));
  let repaired = 0;
  const recorded: string[] = [];
  for (const use of due) {
    const verification = await deps.verifications.find(use.verificationId);
    if (verification === null) {
      // Its retention is over; the log has its own, and the use says all that the log needs.
      await deps.usage.append(useEntry(credential, use));
      recorded.push(use.verificationId);
      continue;
    }
    if (!logged.has(useEntryId(use.verificationId)) || verification.status !== "verified") {
      await recordUse(deps, { verification, credential, use });
      repaired += 1;
    }
    recorded.push(use.verificationId);
  }
  return { repaired, recorded };
}

/** What reading the log needs. */
export interface ReadUsageDeps extends CredentialDeps, HoldingDeps {
  usage: Pick<UsageStore, "list">;
}

/** Who wanted to see a holder's credential, the newest first. @throws DomainError `credential.unknown`, `did.deactivated` */
export async function listHolderUsage(
  deps: ReadUsageDeps,
  { userId, credentialId, page }: { userId: string; credentialId: string; page: UsagePage },
): Promise<UsageEntry[]> {
  await requireHeldCredential(deps, { userId, credentialId });
  return deps.usage.list({ credentialId }, page);
}

/** A use as those that anchor it need it. */
export interface LoggedUse {
  verificationId: string;
  credentialId: string;
  usedAt: Date;
}

/** What following the anchoring of uses needs. */
interface AnchoredUsageDeps {
  usage: Pick<UsageStore, "awaitingAnchor" | "countAwaitingAnchor" | "markBatched" | "erasedAmong" | "find">;
}

/** The longest waiting of the uses that are in no batch yet. */
export async function listUnbatchedUses({ usage }: AnchoredUsageDeps, limit: number): Promise<LoggedUse[]> {
  return (await usage.awaitingAnchor(limit)).map(loggedUse);
}

/** Records that uses are in a batch; of these, those whose holder was erased are returned. */
export async function markUsesBatched(
  { usage }: AnchoredUsageDeps,
  verificationIds: string[],
): Promise<{ erased: string[] }> {
  const ids = verificationIds.map(useEntryId);
  await usage.markBatched(ids);
  const erased = new Set(await usage.erasedAmong(ids));
  return { erased: verificationIds.filter((verificationId) => erased.has(useEntryId(verificationId))) };
}

/** A use by its verification; null when there is none, or its retention is over. */
export async function findUse({ usage }: AnchoredUsageDeps, verificationId: string): Promise<LoggedUse | null> {
  const entry = await usage.find(useEntryId(verificationId));
  return entry === null ? null : loggedUse(entry);
}

function loggedUse({ verificationId, credentialId, timestamp }: UsageEntry): LoggedUse {
  return { verificationId, credentialId, usedAt: timestamp };
}

/** Entries of the log, the newest first, for those who may see all they filter for. */
export function listUsage(
  { usage }: Pick<ReadUsageDeps, "usage">,
  { filter, page }: { filter: UsageFilter; page: UsagePage },
): Promise<UsageEntry[]> {
  return usage.list(filter, page);
}
