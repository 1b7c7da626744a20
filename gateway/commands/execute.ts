import { DomainError, TransientError } from "../../core/errors";
import { COMMAND_IN_PROGRESS } from "../../core/internalApi";
import type { Logger } from "../../core/logger";
import { type BackendAnswer, isFailure } from "../backend/http";
import { type InternalApi, problemCodeOf } from "../backend/internalApi";
import type { SessionDirectory } from "../backend/sessions";
import { RejectedError } from "../envelope/receive";
import { type Reason, reject } from "../envelope/rejection";
import type { VerifiedRequest } from "../envelope/verifyRequest";
import { backendRequestOf } from "./backendRequest";
import type { CommandResult } from "./signedResponse";
import { commandOf } from "./types";

export interface ExecuteDeps {
  api: Pick<InternalApi, "forward">;
  sessions: Pick<SessionDirectory, "forget">;
  logger: Logger;
}

/** How long a caller waits whose command could not be executed now, in milliseconds. */
const OUTAGE_RETRY_MS = 1_000;
const IN_PROGRESS_RETRY_MS = 2_000;

/** What the API says when it reads a session again and finds that it ended. */
const SESSION_REASONS: ReadonlyMap<string | undefined, Reason> = new Map([
  ["session.unknown", "SESSION_UNKNOWN"],
  ["session.expired", "SESSION_EXPIRED"],
  ["session.revoked", "SESSION_REVOKED"],
] satisfies [string, Reason][]);

const NOTHING = Buffer.from("{}");

/**
 * Executes a verified command at the API. A write names itself by session and request id, so that however often it is
 * sent it happens once.
 *
 * @returns what the API replied, or its problem where the command was rejected
 * @throws RejectedError where the session ended, the first run of the same write is not finished, or the API does not
 *   answer: then a write may have happened, and asking again under the same request id tells
 */
export async function executeCommand(
  deps: ExecuteDeps,
  { verified, address }: { verified: VerifiedRequest; address: string },
): Promise<CommandResult> {
  const { session, request } = verified;
  const { messageType, requestId } = request.envelope;
  const command = commandOf(messageType);
  if (command === undefined) throw new RejectedError(reject("COMMAND_UNKNOWN"));
  let backendRequest;
  try {
    const idempotencyKey = `${session.deviceSessionId}/${requestId}`;
    backendRequest = backendRequestOf(command, { payload: request.payloadBytes, idempotencyKey });
  } catch (error) {
    if (error instanceof DomainError) return problemResult(error);
    throw error;
  }
  let answer;
  try {
    answer = await deps.api.forward({ ...backendRequest, requestId, user: session, address });
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    deps.logger.warn({ err: error, requestId, messageType }, "the API did not answer a command");
    throw unavailable(OUTAGE_RETRY_MS);
  }
  return resultOf(deps, verified, answer);
}

function resultOf({ sessions, logger }: ExecuteDeps, verified: VerifiedRequest, answer: BackendAnswer): CommandResult {
  const { status, body, retryAfterSeconds } = answer;
  const { requestId, messageType, deviceSessionId } = verified.request.envelope;
  if (status >= 200 && status < 300) {
    if (body.length === 0) return { resultCode: "ok", payload: NOTHING };
    if (isJson(answer)) return { resultCode: "ok", payload: body };
  }
  const code = problemCodeOf(answer);
  const ended = status === 401 ? SESSION_REASONS.get(code) : undefined;
  if (ended !== undefined) {
    sessions.forget([deviceSessionId]);
    throw new RejectedError(reject(ended));
  }
  if (status === 409 && code === COMMAND_IN_PROGRESS) {
    const retryAfterMs = retryAfterSeconds === undefined ? IN_PROGRESS_RETRY_MS : retryAfterSeconds * 1000;
    throw new RejectedError(reject("COMMAND_IN_PROGRESS", { retryAfterMs }));
  }
  // A 401 that is not about the session is about us: the API does not take our tokens.
  const isRejection = status >= 400 && status !== 401 && !isFailure(answer);
  if (isRejection && code !== undefined) return { resultCode: code, payload: body };
  const level = isFailure(answer) ? "warn" : "error";
  logger[level]({ status, code, requestId, messageType }, "the API's answer to a command cannot be passed on");
  throw unavailable(retryAfterSeconds === undefined ? OUTAGE_RETRY_MS : retryAfterSeconds * 1000);
}

function unavailable(retryAfterMs: number): RejectedError {
  return new RejectedError(reject("BACKEND_UNAVAILABLE", { retryAfterMs }));
}

function isJson({ contentType }: BackendAnswer): boolean {
  return /^application\/([\w.-]+\+)?json\b/.test(contentType);
}

/** A command that the gateway itself rejects, as problem details like the API's. */
function problemResult({ code, message }: DomainError): CommandResult {
  const problem = { title: "Bad Request", status: 400, detail: message, code };
  return { resultCode: code, payload: Buffer.from(JSON.stringify(problem)) };
}
