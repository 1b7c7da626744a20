import { DomainError, type ErrorKind } from "../../core/errors";

type Rejection = readonly [code: string, kind: ErrorKind, message: string];

const NOT_CONTROLLER = [
  "control.not_controller",
  "forbidden",
  "The account that signed does not control this identity, or no longer does.",
] as const satisfies Rejection;

/** The registry's errors that a person can meet here, in plain words. */
export const REGISTRY_REJECTIONS = {
  NotController: NOT_CONTROLLER,
  NotAuthorized: NOT_CONTROLLER,
  IdentityDeactivated: ["control.deactivated", "conflict", "The identity is deactivated, which is final."],
  SuccessorAlreadyNamed: [
    "control.successor_named",
    "conflict",
    "A successor is named already. Only that successor can name the next one, when it takes control.",
  ],
  SuccessorRequired: [
    "control.successor_required",
    "conflict",
    "A successor is named: only that successor can take control, by rotating.",
  ],
  NotSuccessor: [
    "control.not_successor",
    "forbidden",
    "The identity did not commit to this account with this salt: check the identity, the successor and the salt, or control was taken already.",
  ],
  SignatureExpired: [
    "control.consent_expired",
    "gone",
    "The consent was signed too long ago: ask for new typed data and sign that.",
  ],
  NonceMismatch: [
    "control.nonce_moved",
    "conflict",
    "The consent does not count any more: another one was used first, or control changed. Ask for new typed data and sign that.",
  ],
  InvalidSignature: [
    "control.signature_mismatch",
    "forbidden",
    "The signature is not this account's over the typed data: sign exactly what was given, on this chain, with that account.",
  ],
} as const satisfies Record<string, Rejection>;

/**
 * The registry's error as a rejection in plain words.
 *
 * @param name the contract's error; null when the node gave none
 * @param description the error with its arguments
 */
export function rejectionOf(name: string | null, description: string | null = name): DomainError {
  const known = isListed(name) ? REGISTRY_REJECTIONS[name] : undefined;
  if (known === undefined) {
    const message = `The registry refuses it: ${description ?? "it gives no reason, or the account that signs is a contract that needs too much gas"}.`;
    return new DomainError("control.refused", "conflict", message);
  }
  const [code, kind, message] = known;
  return new DomainError(code, kind, message);
}

function isListed(name: string | null): name is keyof typeof REGISTRY_REJECTIONS {
  return name !== null && name in REGISTRY_REJECTIONS;
}

/** While another operation of the same slot is under way. */
export function operationPending(): DomainError {
  const message =
    "Another operation for this identity is under way, and its nonce is used first: follow that one, then ask for new typed data.";
  return new DomainError("control.pending", "conflict", message);
}

/** While the relayer registers the DID with a consent of the same nonce. */
export function anchoringPending(): DomainError {
  const message =
    "This DID is being anchored, and that consent has the same nonce: wait until GET /auth/wallets shows it anchored.";
  return new DomainError("control.anchoring_pending", "conflict", message);
}

/** The relayer pays for so much a day. */
export function budgetUsedUp(retryAfterSeconds: number): DomainError {
  const message =
    "The relayer has paid for as many changes of this identity's control as it does in a day. Come back later, or send the transaction yourself.";
  return new DomainError("control.budget_used_up", "too_many", message, { retryAfterSeconds });
}

/** What was sent so often and came to nothing needs another consent. */
export function attemptsUsedUp(): DomainError {
  const message = "This consent was sent several times and came to nothing: ask for new typed data and sign that.";
  return new DomainError("control.attempts_used_up", "conflict", message);
}

export function signerNotLinked(): DomainError {
  const message =
    "The account that controls this identity is not linked to this user: link it with POST /auth/wallet/link first.";
  return new DomainError("control.signer_not_linked", "forbidden", message);
}

export function operationUnknown(): DomainError {
  const message = "There is no such operation here. Its id is the operationId of the answer to the consent.";
  return new DomainError("control.operation_unknown", "not_found", message);
}
