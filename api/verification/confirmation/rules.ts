import { DomainError, type ErrorKind } from "../../../core/errors";
import { CHECKS, type CheckName, type CheckResult, checksOf, REJECTIONS, type RejectionCode } from "../checks";
import type { Decision } from "../rules";
import type { LogResult } from "../usage/rules";

/** All that the checks look at. Whoever gathers it only reads. */
export interface Facts {
  now: Date;
  /** Whether the chain accredits the issuer. */
  accredited: boolean;
  /** Whether the credential is what the issuer signed, with a key of the DID document the chain names. */
  signedByIssuer: boolean;
  expiresAt: Date;
  /** The chain's two bits, and what the issuer asked for that the chain does not show yet. */
  revoked: boolean;
  suspended: boolean;
  hold: "revoke" | "suspend" | null;
  status: "ACTIVE" | "USED";
  usageCount: number;
  maxUsages: number;
  /** When the credential was used last; null when it never was. */
  lastUsedAt: Date | null;
  /** Whether the subject's DID has a controller: nobody can present for one that was deactivated. */
  subjectActive: boolean;
  /** Whether the signature is the holder's and the presenter names itself as the holder. */
  signedByHolder: boolean;
  challenge: {
    expiresAt: Date;
    /** Whether another confirmation was decided on before. */
    consumed: boolean;
  };
}

/** Why a check failed. */
export interface Rejection {
  check: CheckName;
  code: RejectionCode;
  kind: ErrorKind;
  result: LogResult;
  /** A few words for the log. */
  reason: string;
  /** A sentence for people. */
  message: string;
}

/** What the checks say. */
export interface Verdict {
  checks: CheckResult[];
  /** The first check that failed; null when all pass. */
  rejection: Rejection | null;
}

/**
 * Evaluates the seven checks of a presentation, in their order; what comes after the first that fails is not reached.
 * Decides only: nothing is read and nothing is taken.
 */
export function evaluate(facts: Facts): Verdict {
  let rejection: Rejection | null = null;
  const checks = CHECKS.map((name): CheckResult => {
    if (rejection !== null) return { name, outcome: "not_reached" };
    rejection = EVALUATORS[name](facts);
    return { name, outcome: rejection === null ? "pass" : "fail" };
  });
  return { checks, rejection };
}

const EVALUATORS: Record<CheckName, (facts: Facts) => Rejection | null> = {
  holder_signature({ subjectActive, signedByHolder }) {
    if (!subjectActive) {
      const message = "The DID of this credential's holder was deactivated: nobody can present it any more.";
      return failed("verification.subject_deactivated", "Subject deactivated", message);
    }
    if (signedByHolder) return null;
    return failed("verification.holder_mismatch", "Holder mismatch", "This credential was issued to another holder.");
  },
  challenge_fresh({ challenge, now }) {
    if (challenge.consumed) {
      const message = "This request was answered before, and counts once: ask the verifier to open another one.";
      return failed("verification.challenge_consumed", "Challenge consumed", message);
    }
    if (challenge.expiresAt > now) return null;
    const message = "The request to sign is too old: ask the verifier to open another one.";
    return failed("verification.challenge_expired", "Challenge expired", message);
  },
  known_issuer({ accredited }) {
    if (accredited) return null;
    const message = "The issuer of this credential is not accredited on the chain.";
    return failed("verification.issuer_not_accredited", "Issuer not accredited", message);
  },
  issuer_signature({ signedByIssuer }) {
    if (signedByIssuer) return null;
    const message = "This credential does not carry the signature of the issuer it names.";
    return failed("verification.issuer_signature_invalid", "Issuer signature invalid", message);
  },
  not_expired({ expiresAt, now }) {
    if (expiresAt > now) return null;
    const message = `This credential expired on ${formatMoment(expiresAt)}.`;
    return failed("verification.credential_expired", "Expired", message);
  },
  not_revoked({ revoked, suspended, hold }) {
    if (revoked || hold === "revoke") {
      return failed("verification.credential_revoked", "Revoked", "This credential was revoked by its issuer.");
    }
    if (suspended || hold === "suspend") {
      const message = "This credential is suspended by its issuer for now.";
      return failed("verification.credential_suspended", "Suspended", message);
    }
    return null;
  },
  uses_left({ status, usageCount, maxUsages, lastUsedAt }) {
    if (status === "ACTIVE" && usageCount < maxUsages) return null;
    const when = lastUsedAt === null ? "" : ` on ${formatMoment(lastUsedAt)}`;
    const message = maxUsages === 1 ? `Already used${when}.` : `Already used ${maxUsages} times, the last time${when}.`;
    return { ...failed("verification.already_used", "Already used", message), result: "ALREADY_USED" };
  },
};

function failed(code: RejectionCode, reason: string, message: string): Rejection {
  return { ...REJECTIONS[code], code, result: "FAILED", reason, message };
}

/** A rejection as an error of the domain, with every check by name. */
export function rejectionError(
  verificationId: string,
  { checks, rejection }: { checks: CheckResult[]; rejection: Rejection },
): DomainError {
  const { code, kind, message } = rejection;
  return new DomainError(code, kind, message, { details: { verificationId, result: "failed", checks } });
}

/** The rejection that was decided on before, for whoever repeats the confirmation it was decided on. */
export function repeatedRejection(
  verificationId: string,
  { code, message }: Pick<Decision, "message"> & { code: RejectionCode },
): DomainError {
  const details = { verificationId, result: "failed", checks: checksOf(code) };
  return new DomainError(code, REJECTIONS[code].kind, message, { details });
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A moment for people: `6 Dec 2025 at 14:35 UTC`. */
export function formatMoment(moment: Date): string {
  const month = MONTHS[moment.getUTCMonth()] ?? "";
  const time = moment.toISOString().slice(11, 16);
  return `${moment.getUTCDate()} ${month} ${moment.getUTCFullYear()} at ${time} UTC`;
}
