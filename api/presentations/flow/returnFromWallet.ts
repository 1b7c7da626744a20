import type { Clock } from "../../../core/clock";
import { DomainError } from "../../../core/errors";
import { sha256Hex } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import { isOfBrowser } from "./actions";
import { type FlowSession, flowStatusAt, isOpen } from "./rules";
import type { FlowStore } from "./store";
import type { FlowVerifier } from "./verifier";

interface ReturnDeps {
  clock: Clock;
  flows: Pick<FlowStore, "findByCallback" | "returnFromWallet">;
  verifier: Pick<FlowVerifier, "acceptsCode">;
}

/** What a browser brings back from a wallet. */
export interface ReturnedBrowser {
  state: string;
  /** The wallet's response code (OpenID4VP 1.0 §8.2); undefined when it brings none. */
  code: string | undefined;
  browserSecret: string | undefined;
  logger: Logger;
}

/**
 * Takes a browser back from its wallet, once: the state is of a request that is open, the browser is the one that began,
 * and the response code is that of the answer that counted. Nothing of the result is known before (OpenID4VP 1.0 §14.3).
 *
 * @returns the flow, for {@link followFlow}
 * @throws DomainError `presentation.unknown_callback`, `presentation.flow_other_browser`,
 *   `presentation.flow_code_mismatch`, `presentation.flow_callback_used`
 */
export async function returnFromWallet(deps: ReturnDeps, returned: ReturnedBrowser): Promise<FlowSession> {
  const { state, code, browserSecret, logger } = returned;
  const callbackHash = sha256Hex(state);
  const session = await deps.flows.findByCallback(callbackHash);
  if (session === null || session.request === null) throw challengeFailed(logger, null, unknownCallback());
  const { sessionId, request, browserHash } = session;
  if (browserHash === null || !isOfBrowser(session, browserSecret))
    throw challengeFailed(logger, sessionId, otherBrowser());
  const now = deps.clock.now();
  const status = flowStatusAt(session, now);
  if (status === "expired") return session;
  if (!isOpen(status) || status === "returned") throw challengeFailed(logger, sessionId, callbackUsed());
  if ((await deps.verifier.acceptsCode(request, code)) === false)
    throw challengeFailed(logger, sessionId, codeMismatch());
  if (!(await deps.flows.returnFromWallet(sessionId, { callbackHash, browserHash, now }))) {
    throw challengeFailed(logger, sessionId, callbackUsed());
  }
  logger.info({ flowSessionId: sessionId, presentationRequestId: request.requestId }, "user returned from wallet");
  return { ...session, status: "returned" };
}

/** A security event: somebody came back who did not begin, or twice, or with what is not theirs. */
function challengeFailed(logger: Logger, flowSessionId: string | null, error: DomainError): DomainError {
  logger.warn({ flowSessionId, category: "SECURITY_FAILURE", reason: error.code }, "authorization challenge failed");
  return error;
}

function unknownCallback(): DomainError {
  const message = "This way back belongs to no verification that is open.";
  return new DomainError("presentation.unknown_callback", "not_found", message);
}

function otherBrowser(): DomainError {
  const message =
    "You began this verification in another browser. Go back there and begin again, and let your wallet open that browser.";
  return new DomainError("presentation.flow_other_browser", "forbidden", message);
}

function codeMismatch(): DomainError {
  const message = "Your wallet's answer does not belong to this verification: go back to the page and try again.";
  return new DomainError("presentation.flow_code_mismatch", "forbidden", message);
}

function callbackUsed(): DomainError {
  const message = "This way back was used before. The page of the verification shows what became of it.";
  return new DomainError("presentation.flow_callback_used", "conflict", message);
}
