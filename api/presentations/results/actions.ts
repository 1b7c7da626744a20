import { addSeconds, type Clock, sleep } from "../../../core/clock";
import { DomainError } from "../../../core/errors";
import { sha256Hex } from "../../../core/hash";
import type { Context } from "../../../process/context";
import { unknownRequest } from "../requests/actions";
import { isReadable, type PresentationRequest, type PresentedCredential, type RequestStatus, statusAt } from "../rules";
import type { PresentationStore } from "../store";

/** How often a waiting reader polls. */
const POLL_INTERVAL_MS = 250;

interface ReadStatusDeps {
  clock: Clock;
  presentations: Pick<PresentationStore, "find">;
}

/**
 * Where a request stands; waits for its answer when asked to.
 *
 * @param input.waitSeconds how long at most; 0 for not at all
 * @throws DomainError `presentation.unknown_request`
 */
export async function readStatus(
  { clock, presentations }: ReadStatusDeps,
  { requestId, waitSeconds, signal }: { requestId: string; waitSeconds: number; signal: AbortSignal },
): Promise<{ status: RequestStatus; at: Date }> {
  const deadline = addSeconds(clock.now(), waitSeconds);
  for (;;) {
    const request = await presentations.find(requestId);
    if (request === null) throw unknownRequest();
    const at = clock.now();
    const status = statusAt(request, at);
    if (status !== "ACTIVE" || at >= deadline || signal.aborted) return { status, at };
    await sleep(POLL_INTERVAL_MS, signal);
  }
}

/** What the owner of a request reads. */
export interface PresentationResult {
  request: PresentationRequest;
  /** Empty unless the verdict is valid. */
  credentials: PresentedCredential[];
}

interface ReadResultDeps {
  clock: Clock;
  config: Pick<Context["config"], "presentations">;
  presentations: Pick<PresentationStore, "findByTransaction" | "takeResponseCode" | "markTaken">;
  onStep?: ((step: string) => void | Promise<void>) | undefined;
}

/**
 * Reads a result, for its owner alone. The first read starts a minute in which it may be repeated; then what was
 * presented is erased, and the verdict stays. So it is when nobody reads it within `PRESENTATION_UNREAD_SECONDS`.
 *
 * @param input.responseCode what the browser came back with; required where the request was made for one device
 * @throws DomainError `presentation.unknown_transaction`, `presentation.not_answered`, `presentation.response_code_*`,
 *   `presentation.result_taken`
 */
export async function readResult(
  deps: ReadResultDeps,
  input: { transactionId: string; verifierId: string; responseCode: string | undefined },
): Promise<PresentationResult> {
  const { clock, config, presentations } = deps;
  const request = await presentations.findByTransaction(sha256Hex(input.transactionId));
  if (request === null || request.verifierId !== input.verifierId) throw unknownTransaction();
  const now = clock.now();
  if (request.verdict === null) throw notAnswered(statusAt(request, now));
  const { unreadSeconds } = config.presentations;
  const readable = isReadable(request, { now, unreadSeconds });
  if (request.responseCodeHash !== null) await takeCode(deps, request, { code: input.responseCode, now, readable });
  // Erased, though the time may have been made longer since.
  const erased = request.verdict.result === "valid" && request.credentials === null;
  if (!readable || erased) throw resultTaken(request.responseCodeHash !== null);
  await presentations.markTaken(request.requestId, now);
  await deps.onStep?.("presentation.taken");
  return { request, credentials: request.credentials ?? [] };
}

/** The code counts once; the owner who gave it may repeat the read with it. */
async function takeCode(
  { presentations }: Pick<ReadResultDeps, "presentations">,
  request: PresentationRequest,
  { code, now, readable }: { code: string | undefined; now: Date; readable: boolean },
): Promise<void> {
  if (code === undefined) {
    throw codeRejection("missing");
  }
  if (sha256Hex(code) !== request.responseCodeHash) {
    throw codeRejection("mismatch");
  }
  const taking = { codeHash: request.responseCodeHash, browserHash: request.browserHash, now };
  if (await presentations.takeResponseCode(request.requestId, taking)) return;
  if (!readable) throw codeRejection("used");
}

function unknownTransaction(): DomainError {
  return new DomainError("presentation.unknown_transaction", "not_found", "There is no such transaction of yours.", {
    details: { errorCode: "INVALID_TRANSACTION_ID", errorMessage: "No such transaction." },
  });
}

/** @param details further public facts */
export function notAnswered(status: RequestStatus, details: Record<string, unknown> = {}): DomainError {
  const message =
    status === "EXPIRED" ? "The request's time passed without an answer." : "The wallet has not answered yet.";
  return new DomainError("presentation.not_answered", "not_found", message, {
    details: {
      errorCode: "NO_VP_SUBMISSION",
      errorMessage: "No presentation was submitted.",
      requestStatus: status,
      ...details,
    },
  });
}

const CODE_REJECTIONS = {
  missing: { errorCode: "RESPONSE_CODE_NOT_FOUND", advice: "give the code that the browser came back with" },
  mismatch: { errorCode: "RESPONSE_CODE_NOT_MATCHING", advice: "it is not the one of this transaction" },
  used: { errorCode: "RESPONSE_CODE_USED", advice: "it was used before" },
};

export function codeRejection(what: keyof typeof CODE_REJECTIONS): DomainError {
  const { errorCode, advice } = CODE_REJECTIONS[what];
  const message = `The response code does not open the result: ${advice}.`;
  return new DomainError(`presentation.response_code_${what}`, "invalid", message, {
    details: { errorCode, errorMessage: message },
  });
}

/** @param openedByCode whether the result asks for a response code, whose expiry has a name at Inji Verify */
export function resultTaken(openedByCode = true): DomainError {
  const message = "The result was read before, or was not read in time: what was presented is erased.";
  const details = openedByCode ? { errorCode: "RESPONSE_CODE_EXPIRED", errorMessage: message } : {};
  return new DomainError("presentation.result_taken", "gone", message, { details });
}
