import type { Registration, SignedRegistration } from "../../../chain/registry/registration";
import { readRevert } from "../../../chain/registry/reverts";
import { DomainError, TransientError } from "../../../core/errors";

/**
 * How far a wallet's DID is on its way to the chain, as it is stored. People see `submitted` for `mined`: it becomes
 * `anchored` when the indexer has seen it.
 */
export const STORED_STATUSES = ["awaiting_signature", "queued", "submitted", "mined", "anchored", "failed"] as const;
export type StoredStatus = (typeof STORED_STATUSES)[number];

/** What people see. */
export const SHOWN_STATUSES = ["awaiting_signature", "queued", "submitted", "anchored", "failed"] as const;
export type ShownStatus = (typeof SHOWN_STATUSES)[number];

/**
 * What makes it go on after an error: `automatic` nothing, it is tried again by itself; `retry` asking again;
 * `sign` a fresh registration signature.
 */
export const REMEDIES = ["automatic", "retry", "sign"] as const;
export type Remedy = (typeof REMEDIES)[number];

/** Why anchoring does not go on, for people and for programs. */
export interface AnchoringError {
  code: string;
  message: string;
  remedy: Remedy;
}

/** The anchoring of one wallet's DID. */
export interface Anchoring {
  /** Of the present request; a new signature or a retry is a new request. */
  id: string;
  status: StoredStatus;
  registration: SignedRegistration | null;
  /** Whether it goes by a transaction of its own: the registry skipped it in one with others, and does not say why. */
  alone: boolean;
  /** Every attempt that a node took, the latest last. At most one is mined. */
  transactionHashes: string[];
  blockNumber: number | null;
  error: AnchoringError | null;
  updatedAt: Date;
}

/** Where the index saw a DID registered. */
export interface IndexedRegistration {
  transactionHash: string;
  blockNumber: number;
  /** Whether no reorg can take it back. */
  finalized: boolean;
}

/** An anchoring as its user sees it. */
export interface ShownAnchoring {
  status: ShownStatus;
  transactionHash: string | null;
  blockNumber: number | null;
  error?: AnchoringError;
}

/** What a user is shown: the index decides whether a DID is anchored, whatever was recorded on the way. */
export function showAnchoring(anchoring: Anchoring, indexed: IndexedRegistration | null): ShownAnchoring {
  if (indexed !== null) {
    return { status: "anchored", transactionHash: indexed.transactionHash, blockNumber: indexed.blockNumber };
  }
  if (anchoring.status === "anchored") {
    // It was, and the chain forgot: a development chain that was reset.
    const message = "The chain no longer knows this DID. Sign the registration again to anchor it.";
    const error = { code: "anchoring.forgotten", message, remedy: "sign" as const };
    return { status: "awaiting_signature", transactionHash: null, blockNumber: null, error };
  }
  return {
    status: anchoring.status === "mined" ? "submitted" : anchoring.status,
    transactionHash: anchoring.transactionHashes.at(-1) ?? null,
    blockNumber: anchoring.blockNumber,
    ...(anchoring.error !== null && { error: anchoring.error }),
  };
}

/** A request that begins now: queued with a signed registration, without one it waits for the signature. */
export function newAnchoring(
  id: string,
  registration: Anchoring["registration"],
  now: Date,
  { alone = false }: { alone?: boolean } = {},
): Anchoring {
  return {
    id,
    alone,
    status: registration === null ? "awaiting_signature" : "queued",
    registration,
    transactionHashes: [],
    blockNumber: null,
    error: null,
    updatedAt: now,
  };
}

/** Whether a worker has something to do for it: failed ones are tried when an operator puts their job back. */
export function isWaiting({ status, error }: Anchoring): boolean {
  return status === "queued" || (status === "failed" && error?.remedy === "retry");
}

/** Whether the relayer or the chain has it in hand, so that asking again changes nothing. */
export function isUnderWay({ status }: Anchoring): boolean {
  return status === "queued" || status === "submitted" || status === "mined";
}

/**
 * The registration to try again with when the user gives no fresh signature.
 *
 * @throws DomainError `anchoring.signature_required` when there is none, it is too late for it, or it was rejected
 */
export function requireReusable(anchoring: Anchoring, now: Date): NonNullable<Anchoring["registration"]> {
  const { registration, error } = anchoring;
  if (registration !== null && error?.remedy !== "sign" && registration.deadline > now) return registration;
  const message =
    "Anchoring needs a fresh signature: ask for one with POST /auth/wallet/challenge and the purpose anchor, and send it here as registrationSignature.";
  throw new DomainError("anchoring.signature_required", "conflict", message);
}

/**
 * Rejects a registration that the registry would reject.
 *
 * @param onChain what the registry says of the identity now
 * @throws DomainError `anchoring.signature_expired`, `anchoring.nonce_consumed`
 */
export function requireSendable(registration: Registration, onChain: { nonce: bigint }, now: Date): void {
  if (registration.deadline <= now) throw signatureExpired();
  if (registration.nonce !== onChain.nonce.toString()) throw nonceConsumed();
}

/** The registration was signed too long ago. */
export function signatureExpired(cause?: unknown): DomainError {
  const message = "The registration was signed too long ago. Sign it again to anchor the DID.";
  return new DomainError("anchoring.signature_expired", "gone", message, { cause });
}

function nonceConsumed(cause?: unknown): DomainError {
  const message =
    "The signature's nonce was used or cancelled on the chain in the meantime. Sign the registration again.";
  return new DomainError("anchoring.nonce_consumed", "conflict", message, { cause });
}

/**
 * What the user reads when the registration was rejected. A new signature helps; where it was the relayer that does not
 * pay now, the one at hand can be sent later.
 */
export function rejectionError({ code, message }: DomainError): AnchoringError {
  return {
    code,
    message,
    remedy: /^(relayer\.|kyc\.|email\.|anchoring\.contract_wallet$)/.test(code) ? "retry" : "sign",
  };
}

/** What the user reads when its transaction was reverted. */
export function revertedError(transactionHash: string): AnchoringError {
  const message = `The registry refused the registration in transaction ${transactionHash}. Sign the registration again.`;
  return { code: "anchoring.reverted", message, remedy: "sign" };
}

/** What the user reads when no node took its transaction. */
export function lostError(): AnchoringError {
  const message = "No node of the chain would take the transaction. Ask for anchoring again.";
  return { code: "anchoring.lost", message, remedy: "retry" };
}

/** What the user reads while it is tried again. */
export function retryableError(error: unknown): AnchoringError {
  const code = error instanceof TransientError ? error.code : "anchoring.delayed";
  const reason = error instanceof TransientError ? error.message : "Something unforeseen stands in the way.";
  return { code, message: `${reason} Anchoring is tried again by itself.`, remedy: "automatic" };
}

/** What the user reads when no try succeeded for long. */
export function exhaustedError(error: Error): AnchoringError {
  const reason = error instanceof TransientError ? error.message : "Something unforeseen stood in the way.";
  return { code: "anchoring.exhausted", message: `${reason} Ask for anchoring again later.`, remedy: "retry" };
}

/** A revert of the registry as a rejection; undefined when the error is another one. */
export function revertedRegistration(error: unknown): DomainError | undefined {
  const revert = readRevert(error);
  if (revert === undefined) return undefined;
  if (revert.name === "SignatureExpired") return signatureExpired(error);
  if (revert.name === "NonceMismatch") return nonceConsumed(error);
  const what = revert.description === null ? "without a reason" : `with ${revert.description}`;
  const message = `The registry refused the registration ${what}. Sign the registration again.`;
  return new DomainError("anchoring.reverted", "conflict", message, { cause: error });
}
