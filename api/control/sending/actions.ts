import { readIdentity } from "../../../chain/registry/identity";
import { readRevert } from "../../../chain/registry/reverts";
import { simulateCall } from "../../../chain/registry/simulate";
import type { Relayer } from "../../../chain/relayer/relayer";
import { DomainError, TransientError } from "../../../core/errors";
import type { Context } from "../../../process/context";
import { beneficiariesOf, callOf, type ControlDeps } from "../actions";
import { operationPending, rejectionOf } from "../rejections";
import {
  type ControlOperation,
  EFFECTS,
  isDone,
  isEffect,
  MAX_GAS,
  type OperationError,
  type OperationState,
  requireInTime,
} from "../rules";
import type { OperationStore } from "../store";

/** The relayer's kind of these transactions. */
export const CONTROL = "control";

/** Events of one kind that are compared with an operation: many times what an identity has between two sweeps. */
const EVENTS_COMPARED = 100;

export interface SendDeps extends Pick<Context, "chain" | "clock"> {
  operations: OperationStore;
  relayer: Pick<Relayer, "find" | "submit">;
}

/**
 * Takes one step of an operation towards the chain: hands it to the relayer, unless the relayer has it. Safe to repeat
 * and to run twice at once. What the registry refuses ends as a failure that its holder sees.
 *
 * @throws TransientError when it has to be tried again
 */
export async function sendOperation(deps: SendDeps, operationId: string): Promise<void> {
  const { operations, relayer, clock } = deps;
  const operation = await operations.find(operationId);
  if (operation === null || !isWaiting(operation.state)) return;
  const request = requestOf(operation);
  try {
    // What becomes of what the relayer has is recorded by its handler.
    if ((await relayer.find(request)) !== null) return;
    requireInTime(operation.terms, clock.now());
    await relayer.submit({
      ...request,
      call: callOf(deps, operation),
      maxGas: MAX_GAS,
      beneficiaries: beneficiariesOf(operation),
      expiresAt: new Date(operation.terms.deadline * 1000),
    });
  } catch (error) {
    const revert = readRevert(error);
    const rejection = revert === undefined ? error : rejectionOf(revert.name, revert.description);
    if (!(rejection instanceof DomainError)) {
      await operations.recordError(operationId, retryableError(rejection), clock.now());
      throw error;
    }
    // Another worker may have been faster with the same job: then it is that very success the registry speaks of.
    if ((await relayer.find(request)) === null) await endUnlessDone(deps, operation, rejection);
  }
}

/** Ends what the registry refused: as mined when the identity is as it should be, by whomever. */
export async function endUnlessDone(
  { operations, chain, clock }: Pick<SendDeps, "operations" | "chain" | "clock">,
  operation: ControlOperation,
  rejection: DomainError,
): Promise<void> {
  const { operationId, identity, attempt } = operation;
  if (isDone(operation, await readIdentity(chain, identity))) {
    await operations.markMined(operationId, null, clock.now());
    return;
  }
  const from: OperationState[] = ["queued", "submitted"];
  await operations.markFailed(operationId, { state: from, attempt }, errorOf(rejection), clock.now());
}

/** Gives up what no try succeeded with for long; the consent can be handed in again. */
export async function giveUpOperation(
  { operations, clock }: Pick<SendDeps, "operations" | "clock">,
  { operationId, attempt }: Pick<ControlOperation, "operationId" | "attempt">,
  error: Error,
): Promise<void> {
  const reason = error instanceof TransientError ? error.message : "Something unforeseen stood in the way.";
  const shown = { code: "control.exhausted", message: `${reason} Hand in the same consent again later.` };
  await operations.markFailed(operationId, { state: ["queued"], attempt }, shown, clock.now());
}

export type FinalizeDeps = Pick<SendDeps, "operations" | "chain" | "clock"> &
  Pick<Context, "projection"> &
  Pick<ControlDeps, "enqueueOperation">;

/**
 * Ends a mined operation: final once the index shows its event. One that a reorg took out of the chain for good is sent
 * again, or fails when the registry would refuse it now.
 *
 * @param input.overdue whether the index should have shown it long ago
 */
export async function finalizeOperation(
  deps: FinalizeDeps,
  { operation, overdue }: { operation: ControlOperation; overdue: boolean },
): Promise<"final" | "waiting" | "requeued" | "failed"> {
  const { operations, projection, chain, clock } = deps;
  const { operationId, identity, write, attempt, transactionHash, blockNumber } = operation;
  const names = [EFFECTS[write.type]];
  const events = await projection.listEvents({ names, subject: identity, limit: EVENTS_COMPARED });
  const shown =
    events.find((event) => event.transactionHash === transactionHash) ??
    events.find((event) => isEffect(operation, event));
  if (shown !== undefined) {
    await operations.markFinal(operationId, shown, clock.now());
    return "final";
  }
  const freshness = await projection.freshness();
  const isPassed = freshness !== null && freshness.blockNumber >= (blockNumber ?? 0);
  if (!overdue || !isPassed) return "waiting";
  const revert = await simulateCall(chain, { ...callOf(deps, operation), gasLimit: MAX_GAS });
  if (revert === null) {
    const begun = await operations.beginAgain(operationId, { state: "mined", attempt }, clock.now());
    if (begun === "slot_taken") return fail(deps, operation, operationPending());
    if (begun === "begun") await deps.enqueueOperation({ operationId, attempt: attempt + 1 });
    return "requeued";
  }
  if (isDone(operation, await readIdentity(chain, identity))) return "waiting";
  return fail(deps, operation, rejectionOf(revert.name, revert.description));
}

async function fail(
  { operations, clock }: Pick<SendDeps, "operations" | "clock">,
  { operationId, attempt }: ControlOperation,
  rejection: DomainError,
): Promise<"failed"> {
  await operations.markFailed(operationId, { state: ["mined"], attempt }, errorOf(rejection), clock.now());
  return "failed";
}

/** How the relayer knows an operation: each attempt is a request of its own. */
export function requestOf({ operationId, slot, attempt }: Pick<ControlOperation, "operationId" | "slot" | "attempt">) {
  return { kind: CONTROL, subject: `${CONTROL}/${slot}`, key: `${CONTROL}/${operationId}/${attempt}` };
}

/** The operation and the attempt that a request of the relayer is about. */
export function parseRequestKey(key: string): Pick<ControlOperation, "operationId" | "attempt"> {
  const [, operationId = "", attempt = ""] = key.split("/");
  return { operationId, attempt: Number(attempt) };
}

/** What its holder reads while it is tried again. */
export function retryableError(error: unknown): OperationError {
  const code = error instanceof TransientError ? error.code : "control.delayed";
  const reason = error instanceof TransientError ? error.message : "Something unforeseen stands in the way.";
  return { code, message: `${reason} It is tried again by itself.` };
}

function errorOf({ code, message }: DomainError): OperationError {
  return { code, message };
}

/** Whether it is the workers' turn. */
function isWaiting(state: OperationState): boolean {
  return state === "queued" || state === "submitted";
}
