/** Why a verification was not approved. Providers' own words may describe a document or a person: they stay with them. */
export type KycReason =
  | "document_unreadable"
  | "document_expired"
  | "document_unsupported"
  | "document_suspicious"
  | "selfie_unusable"
  | "selfie_mismatch"
  | "data_mismatch"
  | "age_below_minimum"
  | "region_unsupported"
  | "consent_declined"
  | "attempts_exhausted"
  | "duplicate_person"
  | "fraud_suspected"
  | "other";

/** Reasons that the person may be given. A missing one could warn a forger, or reveal another person's account. */
const PUBLIC_REASONS: Partial<Record<KycReason, string>> = {
  document_unreadable: "the document could not be read; a sharp picture in good light helps.",
  document_expired: "the document has expired.",
  document_unsupported: "this kind of document is not accepted.",
  selfie_unusable: "the picture of your face could not be used; good light and an uncovered face help.",
  selfie_mismatch: "the picture of your face and the one in the document could not be matched.",
  data_mismatch: "what you entered and what the document says differ.",
  age_below_minimum: "the minimum age is not reached.",
  region_unsupported: "the service is not offered in your region.",
  consent_declined: "you did not agree to the verification.",
  attempts_exhausted: "there were too many attempts.",
};

/** A reason in words for the person; undefined where there is none or the person must not be given it. */
export function publicReason(reason: KycReason | null): string | undefined {
  return reason === null ? undefined : PUBLIC_REASONS[reason];
}
