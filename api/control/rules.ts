import { ZeroHash } from "ethers";
import type { ConsentTerms, RegistryWrite } from "../../chain/registry/consents";
import type { RegistryEvent } from "../../chain/registry/events";
import { formatNonce, parseNonce } from "../../chain/registry/nonce";
import { successorCommitment } from "../../chain/registry/successor";
import { assertNever } from "../../core/errors";
import { rejectionOf } from "./rejections";

/** The writes by which control of an identity is protected, handed on and recovered. */
export const CONTROL_TYPES = ["NameSuccessor", "RotateController", "ChangeController", "CancelNonces"] as const;
export type ControlType = (typeof CONTROL_TYPES)[number];
export type ControlWrite = Extract<RegistryWrite, { type: ControlType }>;

/** What a person asks for; the identity and the nonce make it a write. */
export type ControlChange =
  | { type: "NameSuccessor"; commitment: string }
  | { type: "RotateController"; salt: string; nextCommitment: string }
  | { type: "ChangeController"; newController: string }
  | { type: "CancelNonces" };

/** Whose consent it takes: the controller's, or that of the successor whom the identity committed to. */
export type Power = "controller" | "successor";

/** What is known of an identity's control, by the chain or by the index. */
export interface ControlState {
  active: boolean;
  controller: string;
  /** The commitment; null when no successor is named. */
  successor: string | null;
  controlVersion: number;
  /** The nonce that the controller's next consent must carry. */
  nonce: bigint;
}

/** How long a consent may wait for the chain: time to carry it to a key stored offline, and to outlast an outage. */
export const CONSENT_SECONDS = 24 * 60 * 60;

/**
 * Most gas that one operation may use. Rotating takes 58,000, the check of a key's signature without a precompile up to
 * 330,000; a contract that signs could otherwise spend whatever the relayer has.
 */
export const MAX_GAS = 700_000n;

/** Operations that the relayer pays in one day for one identity, the controller's and the successor's apart. */
export const DAILY_LIMIT = 10;

/** How often one consent is sent: what is reverted or lost so often will not succeed. */
export const MAX_ATTEMPTS = 5;

const ANY_ROLE = ZeroHash;

/** How far an operation is: stored; broadcast; in a block; shown by the index; or given up. */
export const OPERATION_STATES = ["queued", "submitted", "mined", "final", "failed"] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

/** A change of control that somebody consented to, on its way to the chain. */
export interface ControlOperation {
  /** The digest that was signed: one consent is one operation, however often it is handed in. */
  operationId: string;
  identity: string;
  write: ControlWrite;
  terms: ConsentTerms;
  /** In the form that the contract takes. */
  signature: string;
  /** The user who asked; null for a successor's consent. */
  requestedBy: string | null;
  /** Of each only one operation is under way ({@link slotOf}). */
  slot: string;
  state: OperationState;
  /** How often it was begun; each attempt is a request of its own to the relayer. */
  attempt: number;
  transactionHash: string | null;
  blockNumber: number | null;
  /** Why it failed, or why its last try did; null otherwise. */
  error: OperationError | null;
  createdAt: Date;
  updatedAt: Date;
}

/** Why an operation does not go on, for programs and for people. */
export interface OperationError {
  code: string;
  message: string;
}

/** Whose consent a type takes. */
export function powerOf(type: ControlType): Power {
  return type === "RotateController" ? "successor" : "controller";
}

/**
 * Operations of one slot go one after the other. The controller's and the successor's are apart: a thief who has the
 * controller's key cannot keep the successor waiting.
 */
export function slotOf(identity: string, type: ControlType): string {
  return `${identity}/${powerOf(type)}`;
}

/** The write that a person's wish is, under the nonce of the consent to it. */
export function writeOf(identity: string, change: ControlChange, nonce: bigint): ControlWrite {
  switch (change.type) {
    case "NameSuccessor":
      return { type: change.type, values: { identity, commitment: change.commitment } };
    case "RotateController": {
      const { salt, nextCommitment } = change;
      return { type: change.type, values: { identity, salt, nextCommitment } };
    }
    case "ChangeController":
      return { type: change.type, values: { identity, newController: change.newController } };
    case "CancelNonces":
      // Every consent that is asked for here carries the current nonce: using that up makes all of them worthless.
      return { type: change.type, values: { identity, role: ANY_ROLE, nextNonce: nonce + 1n } };
    default:
      return assertNever(change);
  }
}

/** The nonce that a consent to a type must carry now. A successor's has no count, so that nobody can move it. */
export function nonceFor(type: ControlType, { nonce, controlVersion }: ControlState): bigint {
  return powerOf(type) === "successor" ? formatNonce({ grant: controlVersion, count: 0 }) : nonce;
}

/**
 * Rejects what the registry would refuse whoever signed it, so that nobody signs in vain.
 *
 * @param signer who is to sign
 * @throws DomainError `control.deactivated`, `control.successor_named`, `control.successor_required`,
 * `control.not_successor`
 */
export function requirePossible(
  { identity, change, signer }: { identity: string; change: ControlChange; signer: string },
  state: ControlState,
): void {
  if (!state.active) throw rejectionOf("IdentityDeactivated");
  switch (change.type) {
    case "NameSuccessor":
      if (state.successor !== null) throw rejectionOf("SuccessorAlreadyNamed");
      return;
    case "ChangeController":
      if (state.successor !== null) throw rejectionOf("SuccessorRequired");
      return;
    case "RotateController": {
      const commitment = successorCommitment({ identity, successor: signer, salt: change.salt });
      if (state.successor !== commitment) throw rejectionOf("NotSuccessor");
      return;
    }
    case "CancelNonces":
      return;
    default:
      assertNever(change);
  }
}

/**
 * Rejects a consent whose time is over.
 *
 * @throws DomainError `control.consent_expired`
 */
export function requireInTime({ deadline }: Pick<ConsentTerms, "deadline">, now: Date): void {
  if (deadline * 1000 <= now.getTime()) throw rejectionOf("SignatureExpired");
}

/** Whether the identity is as the operation wanted it, by this operation or by another. */
export function isDone({ write, terms }: Pick<ControlOperation, "write" | "terms">, state: ControlState): boolean {
  const controlChanged = state.controlVersion > parseNonce(terms.nonce).grant;
  switch (write.type) {
    case "NameSuccessor":
      return state.successor === write.values.commitment;
    case "RotateController":
      return controlChanged && state.controller === terms.signer;
    case "ChangeController":
      return controlChanged && state.controller === write.values.newController;
    case "CancelNonces":
      // A nonce of a later grant is greater as well.
      return state.nonce >= write.values.nextNonce;
    default:
      return assertNever(write);
  }
}

/** The name of the event by which the registry says that a write of this type happened. */
export const EFFECTS = {
  NameSuccessor: "SuccessorNamed",
  RotateController: "ControllerRotated",
  ChangeController: "ControllerChanged",
  CancelNonces: "NonceConsumed",
} as const satisfies Record<ControlType, RegistryEvent["name"]>;

/** Whether an event of the identity is what the operation wanted, whoever sent it. */
export function isEffect({ write, terms }: Pick<ControlOperation, "write" | "terms">, event: RegistryEvent): boolean {
  const { grant } = parseNonce(terms.nonce);
  switch (write.type) {
    case "NameSuccessor":
      return (
        event.name === EFFECTS[write.type] &&
        event.args.commitment === write.values.commitment &&
        event.args.version > grant
      );
    case "RotateController":
      return (
        event.name === EFFECTS[write.type] &&
        event.args.controller === terms.signer &&
        event.args.commitment === write.values.nextCommitment &&
        event.args.version > grant
      );
    case "ChangeController":
      return (
        event.name === EFFECTS[write.type] &&
        event.args.controller === write.values.newController &&
        event.args.version > grant
      );
    case "CancelNonces":
      return event.name === EFFECTS[write.type] && event.args.nonce === terms.nonce.toString();
    default:
      return assertNever(write);
  }
}
