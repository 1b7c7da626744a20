import { registryDomain } from "../../chain/deployment";
import { parseRegistryDid } from "../../chain/did/did";
import {
  type Consent,
  consentDigest,
  type ConsentTerms,
  consentTypedData,
  encodeWrite,
} from "../../chain/registry/consents";
import { inRegistryForm } from "../../chain/registry/accountSignature";
import { readIdentity } from "../../chain/registry/identity";
import { type GateChecks, passGate } from "../../chain/relayer/gate";
import type { Beneficiary } from "../../chain/relayer/policy";
import { simulateCall } from "../../chain/registry/simulate";
import { addSeconds } from "../../core/clock";
import { enqueueLater } from "../../core/jobs/enqueueLater";
import type { Context } from "../../process/context";
import {
  anchoringPending,
  attemptsUsedUp,
  budgetUsedUp,
  operationPending,
  operationUnknown,
  rejectionOf,
  signerNotLinked,
} from "./rejections";
import {
  CONSENT_SECONDS,
  type ControlChange,
  type ControlOperation,
  DAILY_LIMIT,
  MAX_ATTEMPTS,
  MAX_GAS,
  nonceFor,
  requireInTime,
  requirePossible,
  slotOf,
  writeOf,
} from "./rules";
import type { OperationStore } from "./store";

const DAY_SECONDS = 24 * 60 * 60;

export interface ControlDeps extends GateChecks, Pick<Context, "chain" | "clock" | "logger" | "budgets"> {
  config: Pick<Context["config"], "spending">;
  operations: OperationStore;
  /** A user's wallets. */
  walletsOf(userId: string): Promise<{ walletAddress: string }[]>;
  /** Whether a consent of the wallet to be registered is on its way to the chain. */
  isBeingAnchored(walletAddress: string): Promise<boolean>;
  /** Asks a worker to send an operation; asking twice is harmless. */
  enqueueOperation(operation: Pick<ControlOperation, "operationId" | "attempt">, requestId?: string): Promise<void>;
}

/** Typed data to sign, and the terms that go back with the signature. */
export interface PreparedConsent {
  terms: ConsentTerms;
  typedData: ReturnType<typeof consentTypedData>;
}

interface PrepareInput {
  did: string;
  change: ControlChange;
  /** Who signs; null where it is the controller. */
  successor: string | null;
  /** Of the session; null for a successor, who needs none. */
  userId: string | null;
}

/**
 * Makes the typed data by which an account consents to a change of control. Nothing is stored.
 *
 * @throws DomainError `did.invalid`, `did.method_not_supported`, `control.signer_not_linked`,
 * `control.anchoring_pending`, `control.pending`, and those of {@link requirePossible}
 * @throws TransientError when the registry cannot be asked
 */
export async function prepareConsent(
  deps: ControlDeps,
  { did, change, successor, userId }: PrepareInput,
): Promise<PreparedConsent> {
  const { chain, clock } = deps;
  const { address: identity } = parseRegistryDid(did, chain.deployment.didMethod);
  const state = await readIdentity(chain, identity);
  const signer = successor ?? state.controller;
  if (userId !== null) await requireLinked(deps, { userId, signer, identity });
  requirePossible({ identity, change, signer }, state);
  if (await deps.operations.isTaken(slotOf(identity, change.type))) throw operationPending();
  const deadline = Math.floor(addSeconds(clock.now(), CONSENT_SECONDS).getTime() / 1000);
  const terms = { signer, nonce: nonceFor(change.type, state), deadline };
  const write = writeOf(identity, change, terms.nonce);
  return { terms, typedData: consentTypedData(registryDomain(chain.deployment), write, terms) };
}

/**
 * Takes a signed consent to a change of control, and has the relayer send it. What the registry would refuse now is
 * rejected with its reason, so that the relayer pays for nothing that is in vain. The same consent handed in again is
 * the same operation.
 *
 * @param input.userId of the session; null for a successor's consent, whose signature is the authority
 * @throws DomainError `control.consent_expired`, `control.budget_used_up`, `control.attempts_used_up`,
 * `relayer.budget_used_up`, `relayer.backing_off`, `email.unconfirmed`, `kyc.required`, those of {@link prepareConsent}, and the registry's own in plain words
 * @throws TransientError when the registry cannot be asked
 */
export async function submitConsent(
  deps: ControlDeps,
  input: { did: string; change: ControlChange; consent: Consent; userId: string | null; requestId: string },
): Promise<ControlOperation> {
  const { chain, clock, operations } = deps;
  const { did, change, userId } = input;
  const { signature, ...terms } = input.consent;
  const { address: identity } = parseRegistryDid(did, chain.deployment.didMethod);
  if (userId !== null) await requireLinked(deps, { userId, signer: terms.signer, identity });
  const registry = registryDomain(chain.deployment);
  const write = writeOf(identity, change, terms.nonce);
  const digest = consentDigest(registry, write, terms);
  const existing = await operations.find(digest);
  if (existing !== null && existing.state !== "failed") return existing;

  const now = clock.now();
  requireInTime(terms, now);
  const operation: ControlOperation = {
    operationId: digest,
    identity,
    write,
    terms,
    signature: inRegistryForm({ account: terms.signer, digest, signature }),
    requestedBy: userId,
    slot: slotOf(identity, change.type),
    state: "queued",
    attempt: existing === null ? 1 : existing.attempt + 1,
    transactionHash: null,
    blockNumber: null,
    error: null,
    createdAt: now,
    updatedAt: now,
  };
  if (existing === null) await requireBudget(deps, operation.slot, now);
  else if (existing.attempt >= MAX_ATTEMPTS) throw attemptsUsedUp();
  if (userId !== null) await passGate(deps.config.spending.gate, deps, userId);
  await deps.budgets.requirePayable(beneficiariesOf(operation));
  const revert = await simulateCall(chain, { ...callOf(deps, operation), gasLimit: MAX_GAS });
  if (revert !== null) throw rejectionOf(revert.name, revert.description);

  const stored = await store(deps, operation, existing);
  if (stored !== "taken_before") enqueueLater(deps.enqueueOperation(operation, input.requestId), deps.logger);
  return (await operations.find(digest)) ?? operation;
}

/**
 * An operation by its id, which only those know who know what was signed.
 *
 * @throws DomainError `control.operation_unknown`
 */
export async function getOperation(
  { operations }: Pick<ControlDeps, "operations">,
  operationId: string,
): Promise<ControlOperation> {
  const operation = await operations.find(operationId);
  if (operation === null) throw operationUnknown();
  return operation;
}

/** The registry's function with an operation's consent. */
export function callOf(
  { chain }: Pick<ControlDeps, "chain">,
  { write, terms, signature }: Pick<ControlOperation, "write" | "terms" | "signature">,
): { to: string; data: string } {
  const to = chain.deployment.contracts.DIDRegistry.address;
  return { to, data: encodeWrite(write, { ...terms, signature }) };
}

/**
 * Whose budgets pay for an operation: its user's, and that of its slot, so that a thief who has the controller's key
 * cannot use up the successor's.
 */
export function beneficiariesOf({ slot, requestedBy }: Pick<ControlOperation, "slot" | "requestedBy">): Beneficiary[] {
  const identity: Beneficiary = { kind: "wallet", id: slot };
  return requestedBy === null ? [identity] : [identity, { kind: "user", id: requestedBy }];
}

/** One write decides: of several at once one is stored, and of several for one slot one. */
async function store(
  { operations, clock }: Pick<ControlDeps, "operations" | "clock">,
  operation: ControlOperation,
  existing: ControlOperation | null,
): Promise<"stored" | "taken_before"> {
  const { operationId } = operation;
  if (existing !== null) {
    const begun = await operations.beginAgain(operationId, { state: "failed", attempt: existing.attempt }, clock.now());
    if (begun === "slot_taken") throw operationPending();
    return begun === "begun" ? "stored" : "taken_before";
  }
  const inserted = await operations.insert(operation);
  if (inserted === "slot_taken") throw operationPending();
  return inserted === "inserted" ? "stored" : "taken_before";
}

async function requireLinked(
  { walletsOf, isBeingAnchored }: Pick<ControlDeps, "walletsOf" | "isBeingAnchored">,
  { userId, signer, identity }: { userId: string; signer: string; identity: string },
): Promise<void> {
  const wallets = await walletsOf(userId);
  if (!wallets.some(({ walletAddress }) => walletAddress === signer)) throw signerNotLinked();
  // An identity that controls itself has one sequence of nonces for both.
  if (signer === identity && (await isBeingAnchored(signer))) throw anchoringPending();
}

/** A slot's operations follow one another, so that counting and storing need not be one write. */
async function requireBudget({ operations }: Pick<ControlDeps, "operations">, slot: string, now: Date): Promise<void> {
  const created = await operations.createdSince(slot, addSeconds(now, -DAY_SECONDS));
  const [oldest] = created.slice(-DAILY_LIMIT);
  if (created.length < DAILY_LIMIT || oldest === undefined) return;
  throw budgetUsedUp(Math.ceil((addSeconds(oldest, DAY_SECONDS).getTime() - now.getTime()) / 1000));
}
