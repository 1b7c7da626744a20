import type { RejectionCode } from "../checks";

/** Rejections that may be fraud: somebody else's credential, or one used up. */
const FRAUD_KINDS = {
  "verification.holder_mismatch": "holder_mismatch",
  "verification.already_used": "reuse",
} as const;
export type FraudKind = (typeof FRAUD_KINDS)[keyof typeof FRAUD_KINDS];

/** The kind of fraud a rejection may be a sign of; null for those that happen to honest people. */
export function fraudKindOf(code: RejectionCode): FraudKind | null {
  return code in FRAUD_KINDS ? FRAUD_KINDS[code as keyof typeof FRAUD_KINDS] : null;
}

/** Attempts of one kind on one credential by one verifier's requests within one window of time, reported as one alert. */
export interface FraudAlert {
  /** `<credential id>/<kind>/<verifier's id>/<window's start in Unix seconds>` */
  alertId: string;
  credentialId: string;
  kind: FraudKind;
  issuer: string;
  subjectDid: string;
  /** The DIDs that presenters gave as their own, but never the holder's whose signature was missing; the first twenty. */
  presenters: string[];
  /** The accounts whose signatures the attempts bore, `0x` and 40 digits; the first twenty. */
  signers: string[];
  verifierId: string;
  verifierName: string;
  ipAddress: string;
  attempts: number;
  firstAt: Date;
  lastAt: Date;
  /** When the administrator was notified; null while that is to be done. */
  notifiedAt: Date | null;
}

/** One attempt that may be fraud. */
export interface FraudAttempt {
  credentialId: string;
  kind: FraudKind;
  issuer: string;
  subjectDid: string;
  /** Null when the presenter gave the holder's DID without the holder's signature. */
  presenterDid: string | null;
  /** Null when the signature named nobody. */
  signer: string | null;
  verifierId: string;
  verifierName: string;
  ipAddress: string;
  at: Date;
}

/** How long further attempts of a kind on a credential count to the same alert. */
const WINDOW_SECONDS = 60 * 60;

/** The alert that an attempt counts to. */
export function alertIdOf({
  credentialId,
  kind,
  verifierId,
  at,
}: Pick<FraudAttempt, "credentialId" | "kind" | "verifierId" | "at">): string {
  const windowStart = Math.floor(at.getTime() / 1000 / WINDOW_SECONDS) * WINDOW_SECONDS;
  return `${credentialId}/${kind}/${verifierId}/${windowStart}`;
}
