import { DomainError } from "../../../core/errors";
import type { Registration, SignedRegistration } from "../../../chain/registry/registration";
import { readRevert } from "../../../chain/registry/reverts";

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
export interface AnchoringFault {
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
  /** Every attempt that a node took, the latest last. At most one is mined. */
  transactionHashes: string[];
  blockNumber: number | null;
  fault: AnchoringFault | null;
  updatedAt: Date;
}

/** Where the index saw a DID registered. */
export interface IndexedRegistration {
  transactionHash: string;
  blockNumber: number;
}

/** An anchoring as its user sees it. */
export interface ShownAnchoring {
  status: ShownStatus;
  transactionHash: string | null;
  blockNumber: number | null;
  error?: AnchoringFault;
}

/** What a user is shown: the index decides whether a DID is anchored, whatever was noted on the way. */
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
    ...(anchoring.fault !== null && { error: anchoring.fault }),
  };
}

/** Whether the relayer or the chain has it in hand, so that asking again changes nothing. */
export function isUnderWay({ status }: Anchoring): boolean {
  return status === "queued" || status === "submitted" || status === "mined";
}

/**
 * The registration to try again with when the user gives no fresh signature.
 *
 * @throws DomainError `anchoring.signature_required` when there is none, it is too late for it, or it was refused
 */
export function requireReusable(anchoring: Anchoring, now: Date): NonNullable<Anchoring["registration"]> {
  const { registration, fault } = anchoring;
  if (registration !== null && fault?.remedy !== "sign" && registration.deadline > now) return registration;
  const message =
    "Anchoring needs a fresh signature: ask for one with POST /auth/wallet/challenge and the purpose anchor, and send it here as registrationSignature.";
  throw new DomainError("anchoring.signature_required", "conflict", message);
}

/**
 * Refuses to send a registration that the registry would refuse.
 *
 * @param onChain what the registry says of the identity now
 * @throws DomainError `anchoring.signature_expired`, `anchoring.nonce_consumed`
 */
export function requireSendable(registration: Registration, onChain: { nonce: number }, now: Date): void {
  if (registration.deadline <= now) {
    const message = "The registration was signed too long ago. Sign it again to anchor the DID.";
    throw new DomainError("anchoring.signature_expired", "gone", message);
  }
  if (registration.nonce !== onChain.nonce) {
    const message = "The signature's nonce was used or burned on-chain in the meantime. Sign the registration again.";
    throw new DomainError("anchoring.nonce_consumed", "conflict", message);
  }
}

/** A revert of the registry as a refusal; undefined when the error is another one. */
export function revertedRegistration(error: unknown): DomainError | undefined {
  const revert = readRevert(error);
  if (revert === undefined) return undefined;
  const what = revert.description === null ? "without a reason" : `with ${revert.description}`;
  const message = `The registry refused the registration ${what}. Sign the registration again.`;
  return new DomainError("anchoring.reverted", "conflict", message, { cause: error });
}

/** What a refusal by the domain means to the user: those of the signature are mended by a new one. */
export function faultOf(error: DomainError): AnchoringFault {
  return { code: error.code, message: error.message, remedy: "sign" };
}
