import type { Clock } from "../../../core/clock";
import { assertNever } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import type { FlowMetrics } from "./flowMetrics";
import type { FlowStore } from "./store";
import type { FlowVerifier } from "./verifier";
import type { FlowAudit, FlowEnding, FlowErrorDetails, FlowSession, FlowVerificationResult } from "./rules";

/** What a flow comes to. */
export type Outcome =
  | { status: "succeeded" | "failed"; verificationResult: FlowVerificationResult }
  | { status: "error" | "expired"; errorDetails: Omit<FlowErrorDetails, "timestamp"> };

export interface EndFlowDeps {
  clock: Clock;
  flows: Pick<FlowStore, "end" | "find">;
  flowMetrics: Pick<FlowMetrics, "ended">;
  verifier: Pick<FlowVerifier, "release">;
  onStep?: ((step: string) => void | Promise<void>) | undefined;
}

/**
 * Ends a flow: state, result and audit record are one conditional write, so of racing ends one counts, and it alone is
 * logged.
 *
 * @returns the flow as it is then, whoever ended it
 */
export async function endFlow(
  deps: EndFlowDeps,
  { session, outcome, logger }: { session: FlowSession; outcome: Outcome; logger: Logger },
): Promise<FlowSession> {
  const now = deps.clock.now();
  const ending: FlowEnding = {
    status: outcome.status,
    verificationResult: "verificationResult" in outcome ? outcome.verificationResult : null,
    errorDetails: "errorDetails" in outcome ? { ...outcome.errorDetails, timestamp: now } : null,
    audit: auditOf(session, outcome, now),
  };
  await deps.onStep?.("flow.decided");
  const isOurs = await deps.flows.end(session.sessionId, ending, now);
  if (isOurs) {
    await deps.onStep?.("flow.ended");
    logOutcome(ending.audit, logger);
    const seconds = (now.getTime() - session.createdAt.getTime()) / 1000;
    deps.flowMetrics.ended({ result: ending.audit.result, errorType: ending.errorDetails?.type ?? null, seconds });
    // Nobody will read what a wallet may have shown: it is erased, as what was read.
    if (ending.verificationResult === null && session.request !== null) await deps.verifier.release(session.request);
    return { ...session, ...ending };
  }
  return (await deps.flows.find(session.sessionId)) ?? session;
}

function auditOf({ sessionId, transactionId, request }: FlowSession, outcome: Outcome, timestamp: Date): FlowAudit {
  const common = { sessionId, requestId: request?.requestId ?? null, transactionId, timestamp };
  const { status } = outcome;
  switch (status) {
    case "succeeded":
      return { ...common, result: "valid", reason: null };
    case "failed":
      return { ...common, result: "invalid", reason: outcome.verificationResult.reason };
    case "error":
    case "expired":
      return { ...common, result: status, reason: outcome.errorDetails.message };
    default:
      return assertNever(status);
  }
}

/** The audit record as a line of its own, and what became of the flow in words. */
function logOutcome({ sessionId: flowSessionId, requestId, timestamp, ...rest }: FlowAudit, logger: Logger): void {
  const { transactionId, result, reason } = rest;
  const audit = { flowSessionId, presentationRequestId: requestId, transactionId, result, reason };
  logger.info({ audit: { ...audit, timestamp: timestamp.toISOString() } }, "verification outcome");
  if (result === "valid") logger.info({ flowSessionId }, "verification successful");
  if (result === "invalid") logger.warn({ flowSessionId, reason }, "verification failed");
}
