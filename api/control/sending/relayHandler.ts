import type { RelayHandler } from "../../../chain/relayer/handlers";
import { simulateCall } from "../../../chain/registry/simulate";
import { assertNever, DomainError } from "../../../core/errors";
import { callOf, type ControlDeps } from "../actions";
import { rejectionOf } from "../rejections";
import { type ControlOperation, MAX_GAS } from "../rules";
import { endUnlessDone, parseRequestKey, retryableError, type SendDeps } from "./actions";

type HandlerDeps = Pick<SendDeps, "operations" | "chain" | "clock"> & Pick<ControlDeps, "enqueueOperation">;

/** Records what becomes of the transactions of changes of control. */
export function controlHandler(deps: HandlerDeps): RelayHandler {
  const { operations, clock } = deps;
  return {
    onBroadcast: ({ key }, transactionHash) =>
      operations.markSubmitted(parseRequestKey(key).operationId, transactionHash, clock.now()),
    onRetryableError: ({ key }, error) =>
      operations.recordError(parseRequestKey(key).operationId, retryableError(error), clock.now()),
    async onOutcome({ key }, outcome) {
      const { operationId, attempt } = parseRequestKey(key);
      const found = await operations.find(operationId);
      if (found === null) return;
      // Begun anew since, it is another attempt's to end: what is recorded here counts for this one alone.
      const operation = { ...found, attempt };
      switch (outcome.state) {
        case "mined":
          return operations.markMined(operationId, outcome, clock.now());
        case "reverted":
          return endUnlessDone(deps, operation, await reasonOf(deps, operation));
        case "lost":
          if (outcome.cause === "nonce_taken") return sendAgain(deps, operation);
          if (outcome.cause === "expired") return endUnlessDone(deps, operation, rejectionOf("SignatureExpired"));
          return endUnlessDone(deps, operation, lostError());
        default:
          return assertNever(outcome);
      }
    },
  };
}

/** Why the registry refused what it did not refuse when it was sent. */
async function reasonOf(deps: HandlerDeps, operation: ControlOperation): Promise<DomainError> {
  const revert = await simulateCall(deps.chain, { ...callOf(deps, operation), gasLimit: MAX_GAS });
  return rejectionOf(revert?.name ?? null, revert?.description);
}

/** Once for each attempt, however often it is called. */
async function sendAgain({ operations, clock, enqueueOperation }: HandlerDeps, operation: ControlOperation) {
  const { operationId, attempt, state } = operation;
  if (state === "final" || state === "failed") return;
  const begun = await operations.beginAgain(operationId, { state, attempt }, clock.now());
  if (begun === "begun") await enqueueOperation({ operationId, attempt: attempt + 1 });
}

function lostError(): DomainError {
  const message = "No node of the chain would take the transaction. Hand in the same consent again.";
  return new DomainError("control.lost", "conflict", message);
}
