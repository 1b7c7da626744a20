import type { Clock } from "../../../core/clock";
import { assertNever, type DomainError } from "../../../core/errors";
import { equalsInConstantTime } from "../../../core/hash";
import type { BlindIndex } from "../../../core/keys/blindIndex";
import type { Logger } from "../../../core/logger";
import type { Context } from "../../../process/context";
import { codeRejection, notAnswered, resultTaken } from "../results/actions";
import { isReadable } from "../rules";
import { type FlowSession, flowStatusAt, partyUrl } from "./rules";
import type { FlowStore } from "./store";
import type { FlowVerifier, PresentedToParty } from "./verifier";

/** Where the browser goes when a flow is over: to the relying party, with the code of its result or the error; else null. */
export async function finishFlow(
  deps: { clock: Clock; blindIndex: BlindIndex },
  session: FlowSession,
): Promise<string | null> {
  const status = flowStatusAt(session, deps.clock.now());
  switch (status) {
    case "initiated":
    case "waiting":
    case "returned":
      return null;
    case "succeeded":
    case "failed":
      return partyUrl(session, { response_code: await resultCodeOf(deps, session) });
    case "error":
    case "expired":
      return partyUrl(session, { error: `verification_${status}` });
    default:
      return assertNever(status);
  }
}

/**
 * The code that opens a flow's result: it follows from the flow by a key of this installation, and reaches the relying
 * party by the browser that began alone, so that nobody else's result is read as this browser's.
 */
function resultCodeOf({ blindIndex }: { blindIndex: BlindIndex }, { sessionId }: FlowSession): Promise<string> {
  return blindIndex("presentations.flowResult", sessionId);
}

export interface ReadFlowResultDeps {
  clock: Clock;
  config: Pick<Context["config"], "presentations">;
  flows: Pick<FlowStore, "findByTransaction" | "markTaken">;
  verifier: Pick<FlowVerifier, "readPresented" | "release">;
  blindIndex: BlindIndex;
}

/** A flow's result as the relying party reads it. */
export interface FlowResult {
  session: FlowSession;
  presented: PresentedToParty;
}

/**
 * Reads the result of a flow, for the relying party that made it: null when there is no flow of this transaction. The
 * first read starts a minute in which it may be repeated; then what was presented is erased, and the verdict stays.
 *
 * @throws DomainError `presentation.not_answered`, `presentation.response_code_*`, `presentation.result_taken`
 * @throws TransientError when a verifier elsewhere cannot be asked
 */
export async function readFlowResult(
  deps: ReadFlowResultDeps,
  input: { transactionId: string; verifierId: string; code: string | undefined; logger: Logger },
): Promise<FlowResult | null> {
  const session = await deps.flows.findByTransaction(input.transactionId);
  if (session === null || session.verifierId !== input.verifierId) return null;
  const { sessionId, verificationResult: result, request, takenAt } = session;
  const now = deps.clock.now();
  if (result === null || request === null) throw notOver(session, now);
  if (input.code === undefined) throw codeRejection("missing");
  if (!equalsInConstantTime(input.code, await resultCodeOf(deps, session))) throw codeRejection("mismatch");
  const { unreadSeconds } = deps.config.presentations;
  const decidedAt = session.audit?.timestamp ?? now;
  if (!isReadable({ takenAt, verdict: { decidedAt } }, { now, unreadSeconds })) throw resultTaken();
  const presented = await deps.verifier.readPresented(request, { flowSessionId: sessionId, logger: input.logger });
  if (presented === null) throw resultTaken();
  await deps.flows.markTaken(sessionId, now);
  await deps.verifier.release(request);
  return { session, presented };
}

/** Why a flow has no result; an error or its expiry with what happened. */
function notOver(session: FlowSession, now: Date): DomainError {
  const { errorDetails } = session;
  const flowStatus = flowStatusAt(session, now);
  return notAnswered(flowStatus === "expired" ? "EXPIRED" : "ACTIVE", {
    flowStatus,
    ...(errorDetails !== null && {
      errorDetails: { ...errorDetails, timestamp: errorDetails.timestamp.toISOString() },
    }),
  });
}
