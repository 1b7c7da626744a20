/** The seven checks, in the order in which they are evaluated. */
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

/** Why a presentation fails: the check that rejects it, by the code of the rejection. */
const CHECK_OF_CODE = {
  "verification.issuer_not_accredited": "known_issuer",
  "verification.issuer_signature_invalid": "issuer_signature",
  "verification.credential_expired": "not_expired",
  "verification.credential_revoked": "not_revoked",
  "verification.credential_suspended": "not_revoked",
  "verification.already_used": "uses_left",
  "verification.holder_mismatch": "holder_signature",
  "verification.challenge_expired": "challenge_fresh",
  "verification.challenge_consumed": "challenge_fresh",
} as const satisfies Record<string, CheckName>;
export type RejectionCode = keyof typeof CHECK_OF_CODE;

/** Every check by name, as the code of a decision tells it; null: all seven passed. */
export function checksOf(code: RejectionCode | null): CheckResult[] {
  const failed = code === null ? CHECKS.length : CHECKS.indexOf(CHECK_OF_CODE[code]);
  return CHECKS.map((name, place) => ({
    name,
    outcome: place < failed ? "pass" : place === failed ? "fail" : "not_reached",
  }));
}
