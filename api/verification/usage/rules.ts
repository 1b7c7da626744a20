import type { RejectionCode } from "../checks";
import type { RecordedUse, UsedCredential } from "../rules";

/** Results as the usage log has them. `UNDECIDED`: the chain could not be asked, so nothing was decided. */
export const LOG_RESULTS = ["SUCCESS", "FAILED", "ALREADY_USED", "UNDECIDED"] as const;
export type LogResult = (typeof LOG_RESULTS)[number];

/** One attempt to use a credential. */
export interface UsageEntry {
  /** `use/<verification id>` for a use, so that it is logged once; any other id for an attempt that took none. */
  id: string;
  credentialId: string;
  issuer: string;
  subjectDid: string;
  /** The DID that the presenter gave as its own; nobody verified it. */
  presenterId: string;
  /** The account whose signature an attempt bore, `0x` and 40 digits; null for a use, and where it named nobody. */
  signer: string | null;
  verifierId: string;
  verifierName: string;
  verificationId: string;
  result: LogResult;
  /** A few words, such as `Holder mismatch`; empty for a use. */
  reason: string;
  code: RejectionCode | null;
  /** Where the request came from; shown to administrators alone. */
  ipAddress: string;
  timestamp: Date;
}

/** Which entries are wanted: of one credential, of one issuer's credentials, or all. */
export interface UsageFilter {
  credentialId?: string | undefined;
  issuer?: string | undefined;
  result?: LogResult | undefined;
}

/** The entry after which a page of the log begins. */
export interface UsageCursor {
  timestamp: Date;
  id: string;
}

/** One page of the log. */
export interface UsagePage {
  limit: number;
  before: UsageCursor | null;
}

/** The id of the entry that records a use. */
export function useEntryId(verificationId: string): string {
  return `use/${verificationId}`;
}

/** The entry that records a use; it follows from the use alone, so that anyone may write it. */
export function useEntry({ credentialId, issuer, subjectDid }: UsedCredential, use: RecordedUse): UsageEntry {
  return {
    id: useEntryId(use.verificationId),
    credentialId,
    issuer,
    subjectDid,
    presenterId: use.presenterDid,
    signer: null,
    verifierId: use.verifierId,
    verifierName: use.verifierName,
    verificationId: use.verificationId,
    result: "SUCCESS",
    reason: "",
    code: null,
    ipAddress: use.ip,
    timestamp: use.usedAt,
  };
}
