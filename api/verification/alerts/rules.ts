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

/** Attempts of one kind on one credential within one window of time, reported as one alert. */
export interface FraudAlert {
  /** `<credential id>/<kind>/<window's start in Unix seconds>` */
  alertId: string;
  credentialId: string;
  kind: FraudKind;
  issuer: string;
  subjectDid: string;
  /** The DIDs that presenters gave as their own, the first twenty of them; nobody verified them. */
  presenters: string[];
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
  presenterDid: string;
  verifierName: string;
  ipAddress: string;
  at: Date;
}

/** How long further attempts of a kind on a credential count to the same alert. */
const WINDOW_SECONDS = 60 * 60;

/** The alert that an attempt counts to. */
export function alertIdOf({ credentialId, kind, at }: Pick<FraudAttempt, "credentialId" | "kind" | "at">): string {
  const windowStart = Math.floor(at.getTime() / 1000 / WINDOW_SECONDS) * WINDOW_SECONDS;
  return `${credentialId}/${kind}/${windowStart}`;
}
