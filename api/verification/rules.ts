import { DomainError, type ErrorKind } from "../../core/errors";

/** The seven checks, in the order in which they are judged. */
export const CHECKS = [
  "known_issuer",
  "issuer_signature",
  "not_expired",
  "not_revoked",
  "uses_left",
  "holder_signature",
  "challenge_fresh",
] as const;
export type CheckName = (typeof CHECKS)[number];

export const CHECK_OUTCOMES = ["pass", "fail", "not_reached"] as const;
export type CheckOutcome = (typeof CHECK_OUTCOMES)[number];

/** One check and what came of it. */
export interface CheckResult {
  name: CheckName;
  outcome: CheckOutcome;
}

/** Results as the usage log has them. `UNDECIDED`: the chain could not be asked, so nothing was decided. */
export const LOG_RESULTS = ["SUCCESS", "FAILED", "ALREADY_USED", "UNDECIDED"] as const;
export type LogResult = (typeof LOG_RESULTS)[number];

/** Why a presentation failed. */
export const REJECTION_CODES = [
  "verification.issuer_not_accredited",
  "verification.issuer_signature_invalid",
  "verification.credential_expired",
  "verification.credential_revoked",
  "verification.credential_suspended",
  "verification.already_used",
  "verification.holder_mismatch",
  "verification.challenge_expired",
  "verification.challenge_consumed",
] as const;
export type RejectionCode = (typeof REJECTION_CODES)[number];

/** Rejections that may be fraud: somebody else's credential, or one used up. */
export const FRAUD_KINDS = {
  "verification.holder_mismatch": "holder_mismatch",
  "verification.already_used": "reuse",
} as const;
export type FraudKind = (typeof FRAUD_KINDS)[keyof typeof FRAUD_KINDS];

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
 * Judges a presentation by the seven checks, in their order; what comes after the first that fails is not reached.
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
  known_issuer({ accredited }) {
    if (accredited) return null;
    const message = "The issuer of this credential is not accredited on the chain.";
    return failed("known_issuer", "verification.issuer_not_accredited", "forbidden", "Issuer not accredited", message);
  },
  issuer_signature({ signedByIssuer }) {
    if (signedByIssuer) return null;
    const message = "This credential does not carry the signature of the issuer it names.";
    return failed(
      "issuer_signature",
      "verification.issuer_signature_invalid",
      "forbidden",
      "Issuer signature invalid",
      message,
    );
  },
  not_expired({ expiresAt, now }) {
    if (expiresAt > now) return null;
    const message = `This credential expired on ${formatMoment(expiresAt)}.`;
    return failed("not_expired", "verification.credential_expired", "gone", "Expired", message);
  },
  not_revoked({ revoked, suspended, hold }) {
    if (revoked || hold === "revoke") {
      const message = "This credential was revoked by its issuer.";
      return failed("not_revoked", "verification.credential_revoked", "gone", "Revoked", message);
    }
    if (suspended || hold === "suspend") {
      const message = "This credential is suspended by its issuer for now.";
      return failed("not_revoked", "verification.credential_suspended", "conflict", "Suspended", message);
    }
    return null;
  },
  uses_left({ status, usageCount, maxUsages, lastUsedAt }) {
    if (status === "ACTIVE" && usageCount < maxUsages) return null;
    const when = lastUsedAt === null ? "" : ` on ${formatMoment(lastUsedAt)}`;
    const message = maxUsages === 1 ? `Already used${when}.` : `Already used ${maxUsages} times, the last time${when}.`;
    return {
      ...failed("uses_left", "verification.already_used", "conflict", "Already used", message),
      result: "ALREADY_USED",
    };
  },
  holder_signature({ signedByHolder }) {
    if (signedByHolder) return null;
    const message = "This credential was issued to another holder.";
    return failed("holder_signature", "verification.holder_mismatch", "forbidden", "Holder mismatch", message);
  },
  challenge_fresh({ challenge, now }) {
    if (challenge.consumed) {
      const message = "This request was answered before, and counts once: ask the verifier to open another one.";
      return failed("challenge_fresh", "verification.challenge_consumed", "conflict", "Challenge consumed", message);
    }
    if (challenge.expiresAt > now) return null;
    const message = "The request to sign is too old: ask the verifier to open another one.";
    return failed("challenge_fresh", "verification.challenge_expired", "gone", "Challenge expired", message);
  },
};

function failed(check: CheckName, code: RejectionCode, kind: ErrorKind, reason: string, message: string): Rejection {
  return { check, code, kind, result: "FAILED", reason, message };
}

const CHECK_OF_CODE: Record<RejectionCode, CheckName> = {
  "verification.issuer_not_accredited": "known_issuer",
  "verification.issuer_signature_invalid": "issuer_signature",
  "verification.credential_expired": "not_expired",
  "verification.credential_revoked": "not_revoked",
  "verification.credential_suspended": "not_revoked",
  "verification.already_used": "uses_left",
  "verification.holder_mismatch": "holder_signature",
  "verification.challenge_expired": "challenge_fresh",
  "verification.challenge_consumed": "challenge_fresh",
};

/** Every check by name, as the code of a decision tells it; null: all seven passed. */
export function checksOf(code: RejectionCode | null): CheckResult[] {
  const failed = code === null ? CHECKS.length : CHECKS.indexOf(CHECK_OF_CODE[code]);
  return CHECKS.map((name, place) => ({
    name,
    outcome: place < failed ? "pass" : place === failed ? "fail" : "not_reached",
  }));
}

/** The kind of fraud a rejection may be a sign of; null for those that happen to honest people. */
export function fraudOf({ code }: Rejection): FraudKind | null {
  return code in FRAUD_KINDS ? FRAUD_KINDS[code as keyof typeof FRAUD_KINDS] : null;
}

/** A rejection as an error of the domain, with every check by name. */
export function rejectionError(
  verificationId: string,
  { checks, rejection }: { checks: CheckResult[]; rejection: Rejection },
): DomainError {
  const { code, kind, message } = rejection;
  return new DomainError(code, kind, message, { details: { verificationId, result: "failed", checks } });
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A moment for people: `6 Dec 2025 at 14:35 UTC`. */
export function formatMoment(moment: Date): string {
  const month = MONTHS[moment.getUTCMonth()] ?? "";
  const time = moment.toISOString().slice(11, 16);
  return `${moment.getUTCDate()} ${month} ${moment.getUTCFullYear()} at ${time} UTC`;
}

/** What a holder is asked to sign. */
export interface ChallengeContent {
  /** Host of the API. */
  domain: string;
  verificationId: string;
  verifierName: string;
  credentialType: string;
  issuerName: string;
  credentialId: string;
  nonce: string;
  issuedAt: Date;
  expiresAt: Date;
}

/**
 * The text the holder's wallet shows and signs (EIP-191, `personal_sign`): who asks, for what, when, and what it means.
 * Names are given by people, so nothing in them may begin a line of its own.
 */
export function formatChallenge(content: ChallengeContent): string {
  return [
    `${content.domain} asks you to present a credential.`,
    "",
    `Verifier: ${oneLine(content.verifierName)}`,
    `Credential: ${content.credentialType} of ${oneLine(content.issuerName)}`,
    `Credential ID: ${content.credentialId}`,
    `Verification ID: ${content.verificationId}`,
    `Nonce: ${content.nonce}`,
    `Issued At: ${content.issuedAt.toISOString()}`,
    `Expires At: ${content.expiresAt.toISOString()}`,
    "",
    "By signing you show this credential to the verifier, which counts as one of its uses.",
  ].join("\n");
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}
