import { DomainError } from "../../core/errors";
import type { RejectionCode } from "./checks";

/** The decision on a presentation. */
export interface Decision {
  /** Null when all checks passed; every check by name follows from it. */
  code: RejectionCode | null;
  message: string;
  /** The DID that the presenter gave as its own. */
  presenterDid: string;
  /** The account whose signature a rejected confirmation bore, `0x` and 40 digits; null when it named nobody. */
  signer?: string | null;
  /** SHA-256 of the confirmation it was taken on, its signature in one encoding. */
  confirmationHash: string;
  decidedAt: Date;
  block: { number: number; hash: string };
}

/** A holder's refusal to answer. */
export interface Declined {
  at: Date;
  /** For the verifier to read; null for no reason. */
  reason: string | null;
}

export const VERIFICATION_STATUSES = ["pending", "verified", "failed", "declined", "expired"] as const;

/**
 * How long after its challenge's expiry a verification is recorded as expired, so that an answer given in time, whose
 * checks were still under way, is recorded first.
 */
export const EXPIRY_GRACE_SECONDS = 30;

/** One request of a verifier to see one credential. */
export interface Verification {
  verificationId: string;
  verifierId: string;
  verifierName: string;
  credentialId: string;
  subjectDid: string;
  /** The JWT the verifier was shown, when it is not the one that was issued; null otherwise. */
  foreignJwt: string | null;
  /**
   * Digests of the disclosures of an SD-JWT that the verifier was shown: it learns no other claims. Null where it was
   * shown all, or named the credential.
   */
  disclosed: string[] | null;
  /** `digest`: what a wallet signs when it is given the message (EIP-191), `0x` and 64 hexadecimal digits. */
  challenge: { nonce: string; message: string; digest: string; issuedAt: Date; expiresAt: Date };
  status: (typeof VERIFICATION_STATUSES)[number];
  decision: Decision | null;
  /** What its holder said who would not answer; null unless the status is or was `declined`. */
  declined: Declined | null;
  /** Whether the verifier had a webhook URL when it asked. */
  wantsWebhook: boolean;
  /** Since when the webhook of the decision waits to be handed over for delivery; null when none does. */
  deliveryPendingSince: Date | null;
  createdAt: Date;
}

/** The status as people see it; `expired`: nobody answered in time, whether or not that is recorded already. */
export function statusAt({ status, challenge }: Verification, now: Date): Verification["status"] {
  return status === "pending" && challenge.expiresAt <= now ? "expired" : status;
}

/** How many verifications are open: of one verifier, and of these of one credential. */
export interface OpenCount {
  ofVerifier: number;
  ofCredential: number;
}

/**
 * Rejects a verifier that has too many verifications open, its new one among them.
 *
 * @throws DomainError `verification.too_many_open`
 */
export function requireWithinQuota(
  open: OpenCount,
  {
    maxOpen,
    maxOpenPerCredential,
    challengeSeconds,
  }: { [name in "maxOpen" | "maxOpenPerCredential" | "challengeSeconds"]: number },
): void {
  if (open.ofVerifier <= maxOpen && open.ofCredential <= maxOpenPerCredential) return;
  const message = `Too many verifications wait for their holders: ${maxOpen} at most, and ${maxOpenPerCredential} of one credential. Wait until they are answered or over.`;
  throw new DomainError("verification.too_many_open", "too_many", message, { retryAfterSeconds: challengeSeconds });
}

/**
 * Requests in the order in which a holder is shown them, at most `limit`: of each verifier the newest first, so that
 * none hides another's.
 *
 * @param requests the newest first
 */
export function inTurns(requests: Verification[], limit: number): Verification[] {
  const seen = new Map<string, number>();
  const turns = requests.map((request) => {
    const turn = seen.get(request.verifierId) ?? 0;
    seen.set(request.verifierId, turn + 1);
    return { request, turn };
  });
  return turns
    .sort((one, other) => one.turn - other.turn)
    .slice(0, limit)
    .map(({ request }) => request);
}

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

/** The decision that a use stands for. */
export function decisionOf({ presenterDid, confirmationHash, usedAt, block }: RecordedUse): Decision {
  return { code: null, message: "All seven checks passed.", presenterDid, confirmationHash, decidedAt: usedAt, block };
}

/** The credential a use is of, as far as its record needs it. */
export interface UsedCredential {
  credentialId: string;
  issuer: string;
  subjectDid: string;
}

/** What a verification reads of a credential. The credentials' slice has more. */
export interface PresentedCredential extends UsedCredential {
  issuerDid: string;
  issuerName: string;
  index: number;
  type: string;
  jwt: string;
  status: "ACTIVE" | "USED";
  hold: { change: "revoke" | "suspend" } | null;
  maxUsages: number;
  usageCount: number;
  uses: RecordedUse[];
  expiresAt: Date;
}

/** A credential as it was presented, with what its issuer signed of the holder. */
export interface Presented {
  credential: PresentedCredential;
  claims: Record<string, unknown>;
}
