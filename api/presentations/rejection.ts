/** Why a presentation is not accepted: stable, machine readable, shown to who asked for it. */
export const REJECTION_REASONS = [
  "response_malformed",
  "credential_malformed",
  "algorithm_not_allowed",
  "issuer_unknown",
  "issuer_not_trusted",
  "issuer_signature_invalid",
  "disclosure_invalid",
  "holder_binding_missing",
  "holder_binding_invalid",
  "nonce_mismatch",
  "audience_mismatch",
  "credential_expired",
  "credential_not_yet_valid",
  "credential_revoked",
  "credential_suspended",
  "status_invalid",
  "query_not_satisfied",
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/**
 * What a rejection says of the request it came for:
 * - `unproven`: the response is not shown to answer this very request, so anybody may have sent it; the request stays open
 * - `invalid`: the holder answered this request, and what it presented is not accepted; the request is closed by that
 */
export type RejectionEffect = "unproven" | "invalid";

/** A presentation that is not accepted. */
export class PresentationRejection extends Error {
  override readonly name = "PresentationRejection";

  /** @param message for the relying party's developer; names no claim's value */
  constructor(
    readonly effect: RejectionEffect,
    readonly reason: RejectionReason,
    message: string,
  ) {
    super(message);
  }
}

/** A {@link PresentationRejection} that leaves the request open. */
export function unproven(reason: RejectionReason, message: string): PresentationRejection {
  return new PresentationRejection("unproven", reason, message);
}

/** A {@link PresentationRejection} that closes the request. */
export function invalid(reason: RejectionReason, message: string): PresentationRejection {
  return new PresentationRejection("invalid", reason, message);
}
