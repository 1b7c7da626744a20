import type { ErrorKind } from "../../core/errors";

/**
 * The seven checks, in the order in which they are evaluated. Whoever does not show that the holder answers, and answers
 * now, learns nothing of the credential: whether it was used, suspended or revoked, and when.
 */
export const CHECKS = [
  "holder_signature",
  "challenge_fresh",
  "known_issuer",
  "issuer_signature",
  "not_expired",
  "not_revoked",
  "uses_left",
] as const;
export type CheckName = (typeof CHECKS)[number];

export const CHECK_OUTCOMES = ["pass", "fail", "not_reached"] as const;
export type CheckOutcome = (typeof CHECK_OUTCOMES)[number];

/** One check and what came of it. */
export interface CheckResult {
  name: CheckName;
  outcome: CheckOutcome;
}

/** Why a presentation fails, by the code of the rejection: the check that rejects it, and what kind of rejection it is. */
export const REJECTIONS = {
  "verification.holder_mismatch": { check: "holder_signature", kind: "forbidden" },
  "verification.subject_deactivated": { check: "holder_signature", kind: "gone" },
  "verification.challenge_consumed": { check: "challenge_fresh", kind: "conflict" },
  "verification.challenge_expired": { check: "challenge_fresh", kind: "gone" },
  "verification.issuer_not_accredited": { check: "known_issuer", kind: "forbidden" },
  "verification.issuer_signature_invalid": { check: "issuer_signature", kind: "forbidden" },
  "verification.credential_expired": { check: "not_expired", kind: "gone" },
  "verification.credential_revoked": { check: "not_revoked", kind: "gone" },
  "verification.credential_suspended": { check: "not_revoked", kind: "conflict" },
  "verification.already_used": { check: "uses_left", kind: "conflict" },
} as const satisfies Record<string, { check: CheckName; kind: ErrorKind }>;
export type RejectionCode = keyof typeof REJECTIONS;

/** Every check by name where nothing was decided. */
export function checksNotReached(): CheckResult[] {
  return CHECKS.map((name) => ({ name, outcome: "not_reached" }));
}

/** Every check by name, as the code of a decision tells it; null: all seven passed. */
export function checksOf(code: RejectionCode | null): CheckResult[] {
  const failed = code === null ? CHECKS.length : CHECKS.indexOf(REJECTIONS[code].check);
  return CHECKS.map((name, place) => ({
    name,
    outcome: place < failed ? "pass" : place === failed ? "fail" : "not_reached",
  }));
}
