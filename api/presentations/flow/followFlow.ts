import type { Clock } from "../../../core/clock";
import { assertNever } from "../../../core/errors";
import type { Logger } from "../../../core/logger";
import type { Context } from "../../../process/context";
import type { RequestStatus } from "../rules";
import { endFlow, type EndFlowDeps, type Outcome } from "./endFlow";
import { flowStatusAt, type FlowSession, isOpen, isPolled, type WalletRequest } from "./rules";
import type { FlowMetrics } from "./flowMetrics";
import type { FlowStore } from "./store";
import { type CallContext, type FlowVerifier, VerifierCallError } from "./verifier";

export interface FollowFlowDeps {
  clock: Clock;
  config: Pick<Context["config"], "presentationFlow">;
  flows: Pick<FlowStore, "countPoll" | "end" | "find">;
  flowMetrics: Pick<FlowMetrics, "ended">;
  verifier: FlowVerifier;
  onStep?: ((step: string) => void | Promise<void>) | undefined;
}

/**
 * Leads a flow on as far as it goes now: polls the verifier, at most every `PRESENTATION_FLOW_POLL_MS`, and ends the flow
 * with the verdict, with the verifier's expiry, or when it was polled as often as configured. A process may die anywhere
 * in between: the next call goes on.
 *
 * @returns the flow as it is then
 */
export async function followFlow(deps: FollowFlowDeps, session: FlowSession, logger: Logger): Promise<FlowSession> {
  const now = deps.clock.now();
  if (!isOpen(session.status)) return session;
  if (flowStatusAt(session, now) === "expired") return endExpired(deps, session, logger);
  const { request, sessionId } = session;
  if (request === null || !isPolled(session)) return session;
  const { pollMs } = deps.config.presentationFlow;
  const polls = await deps.flows.countPoll(sessionId, { now, lastBefore: new Date(now.getTime() - pollMs) });
  if (polls === null) return (await deps.flows.find(sessionId)) ?? session;
  const call = { flowSessionId: sessionId, logger };
  if (polls === 1) logger.info(lineOf(session, request), "starting status polling");
  const status = await pollStatus(deps, request, call);
  return act(deps, { session, request, status, polls, logger });
}

/** Ends a flow whose time is over, as the expiry page says it. */
export function endExpired(deps: EndFlowDeps, session: FlowSession, logger: Logger): Promise<FlowSession> {
  logger.error(lineOf(session, session.request), "verification request expired");
  const outcome: Outcome = {
    status: "expired",
    errorDetails: {
      type: "FLOW_FAILURE",
      message: "Verification request has expired",
      details: "Go back and begin again.",
    },
  };
  return endFlow(deps, { session, outcome, logger });
}

/** Null when the verifier could not be asked: the next poll asks again. */
async function pollStatus(
  { verifier }: Pick<FollowFlowDeps, "verifier">,
  request: WalletRequest,
  call: CallContext,
): Promise<RequestStatus | null> {
  try {
    return await verifier.readStatus(request, call);
  } catch (error) {
    if (!(error instanceof VerifierCallError)) throw error;
    call.logger.warn({ err: error, flowSessionId: call.flowSessionId }, "status polling failed, retrying");
    return null;
  }
}

interface Polled {
  session: FlowSession;
  request: WalletRequest;
  status: RequestStatus | null;
  polls: number;
  logger: Logger;
}

async function act(deps: FollowFlowDeps, polled: Polled): Promise<FlowSession> {
  const { session, request, status, polls, logger } = polled;
  if (status !== null) logger.info({ ...lineOf(session, request), status }, "current verification status");
  switch (status) {
    case "VP_SUBMITTED":
      return conclude(deps, polled);
    case "EXPIRED":
      return endExpired(deps, session, logger);
    case "ACTIVE":
    case null: {
      const { maxPolls, maxQrPolls } = deps.config.presentationFlow;
      if (polls >= (session.status === "returned" ? maxPolls : maxQrPolls)) return endTimedOut(deps, polled);
      if (status === "ACTIVE") logger.info({ ...lineOf(session, request), polls }, "status still active, polling on");
      return { ...session, polls };
    }
    default:
      return assertNever(status);
  }
}

function endTimedOut(deps: FollowFlowDeps, { session, request, logger }: Polled): Promise<FlowSession> {
  logger.error(lineOf(session, request), "max polling attempts reached without VP submission");
  const errorDetails = {
    type: "FLOW_FAILURE",
    message: "Verification timeout",
    details: "The verification process took too long. Go back and begin again.",
  } as const;
  return endFlow(deps, { session, outcome: { status: "error", errorDetails }, logger });
}

/** Fetches the verdict and ends the flow with it. */
async function conclude(deps: FollowFlowDeps, { session, request, logger }: Polled): Promise<FlowSession> {
  const line = { flowSessionId: session.sessionId, transactionId: session.transactionId };
  logger.info(line, "VP submitted, proceeding to fetch result");
  return endFlow(deps, { session, outcome: await verdictOf(deps, { session, request, logger }, line), logger });
}

async function verdictOf(
  { verifier }: Pick<FollowFlowDeps, "verifier">,
  { session, request, logger }: Pick<Polled, "session" | "request" | "logger">,
  line: { flowSessionId: string; transactionId: string },
): Promise<Outcome> {
  try {
    logger.info(line, "fetching verification result");
    const verdict = await verifier.readVerdict(request, { flowSessionId: session.sessionId, logger });
    logger.info(line, "parsing verification result");
    const { isValid, reason, ...details } = verdict;
    const verificationDetails = { credentialType: session.credentialType, ...details };
    return {
      status: isValid ? "succeeded" : "failed",
      verificationResult: { isValid, reason, verificationDetails },
    };
  } catch (error) {
    if (!(error instanceof VerifierCallError)) throw error;
    const isUnreadable = error.options.isUnreadable === true;
    logger.error(
      { ...line, err: error },
      isUnreadable ? "failed to parse verification result" : "failed to fetch verification result",
    );
    return {
      status: "error",
      errorDetails: {
        type: error.type,
        message: "Failed to retrieve verification result",
        details: "The service that verifies cannot be asked. Go back and begin again.",
      },
    };
  }
}

function lineOf({ sessionId, transactionId }: FlowSession, request: WalletRequest | null) {
  return { flowSessionId: sessionId, presentationRequestId: request?.requestId ?? null, transactionId };
}
