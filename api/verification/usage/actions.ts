import { randomId } from "../../../core/crypto";
import type { AlertStore } from "../alerts/store";
import { type Rejection, fraudOf } from "../rules";
import type { Decided, Decision, Verification, VerificationStore } from "../store";
import { type UsageEntry, type UsageStore, useEntryId } from "./store";

/** A use as the credential's document holds it. */
export interface RecordedUse {
  verificationId: string;
  verifierId: string;
  verifierName: string;
  presenterDid: string;
  confirmationHash: string;
  ip: string;
  usedAt: Date;
  block: { number: number; hash: string };
}

/** The credential a use is of, as far as its record needs it. */
export interface UsedCredential {
  credentialId: string;
  issuer: string;
  subjectDid: string;
}

/** Where outcomes are recorded. */
export interface RecordingDeps {
  log: UsageStore;
  verifications: VerificationStore;
  alerts: AlertStore;
  /** Hands the decision's webhook over for delivery; neither waits nor throws. */
  handOver(verification: Decided): void;
  /** Queues the administrator's notification; neither waits nor throws. */
  enqueueAlert(alertId: string): void;
}

/**
 * Records a use that was taken: in the log, then in its verification. All of it follows from the use itself, so it may be
 * done again by anyone: by a repeated confirmation, or by the sweeper after whoever took the use was killed.
 */
export async function recordUse(
  parts: RecordingDeps,
  verification: Decided,
  credential: UsedCredential,
  use: RecordedUse,
): Promise<void> {
  const { verificationId, verifierId, verifierName, presenterDid, ip, usedAt } = use;
  await parts.log.append({
    ...about(credential),
    id: useEntryId(verificationId),
    presenterId: presenterDid,
    verifierId,
    verifierName,
    verificationId,
    result: "SUCCESS",
    reason: "",
    code: null,
    ipAddress: ip,
    timestamp: usedAt,
  });
  await parts.verifications.recordVerified(verification, decisionOf(use));
  parts.handOver(verification);
}

/** The decision that a use stands for. */
export function decisionOf({ presenterDid, confirmationHash, usedAt, block }: RecordedUse): Decision {
  return { code: null, message: "All seven checks passed.", presenterDid, confirmationHash, decidedAt: usedAt, block };
}

/** An attempt that took no use. */
export interface Attempt {
  verification: Verification;
  credential: UsedCredential;
  presenterDid: string;
  ip: string;
  at: Date;
}

/** Records a rejection: in the log first, then as a fraud alert if it may be one, then in its verification. */
export async function recordRejection(
  parts: RecordingDeps,
  attempt: Attempt,
  rejected: { rejection: Rejection; decision: Decision },
): Promise<void> {
  const { verification, credential, presenterDid, ip, at } = attempt;
  const { rejection, decision } = rejected;
  const { result, reason, code } = rejection;
  await parts.log.append({ ...entryOf(attempt), result, reason, code });
  const kind = fraudOf(rejection);
  if (kind !== null) {
    const { verifierName } = verification;
    const opened = await parts.alerts.record({
      ...about(credential),
      kind,
      presenterDid,
      verifierName,
      ipAddress: ip,
      at,
    });
    if (opened !== null) parts.enqueueAlert(opened);
  }
  // Somebody's second answer does not change what was decided on the first.
  if (rejection.code === "verification.challenge_consumed") return;
  await parts.verifications.recordFailed(verification, decision);
  parts.handOver(verification);
}

/** Records an attempt on which nothing could be decided. */
export async function recordUndecided(parts: Pick<RecordingDeps, "log">, attempt: Attempt): Promise<void> {
  await parts.log.append({
    ...entryOf(attempt),
    result: "UNDECIDED",
    reason: "The chain could not be asked",
    code: null,
  });
}

function entryOf({
  verification,
  credential,
  presenterDid,
  ip,
  at,
}: Attempt): Omit<UsageEntry, "result" | "reason" | "code"> {
  const { verificationId, verifierId, verifierName } = verification;
  const who = { presenterId: presenterDid, verifierId, verifierName, verificationId };
  return { ...about(credential), ...who, id: randomId(), ipAddress: ip, timestamp: at };
}

function about({ credentialId, issuer, subjectDid }: UsedCredential): UsedCredential {
  return { credentialId, issuer, subjectDid };
}
