import { type Clock, monotonicMs, sleep } from "../../../core/clock";
import type { InjiConfig } from "../../../core/config/presentationFlow";
import { readBodyWithin } from "../../../core/readBody";
import type { FlowMetrics } from "./flowMetrics";
import type { FlowErrorType } from "./rules";
import { type CallContext, VerifierCallError } from "./verifier";

const ANSWER_LIMIT_BYTES = 4 * 1024 * 1024;

/** One call to the API of an Inji Verify. */
export interface InjiCall {
  method: "GET" | "POST";
  path: string;
  /** The path as logs have it: without names that open something. */
  endpoint: string;
  body?: object;
  /** Whether a call that failed is repeated here; a poll is repeated by whoever polls. */
  isRepeated: boolean;
}

export interface InjiCallDeps {
  clock: Clock;
  inji: InjiConfig;
  flowMetrics: Pick<FlowMetrics, "called">;
}

/** An error answer of the verifier, with its `errorCode` where it has one. */
export class InjiAnswerError extends VerifierCallError {
  constructor(
    readonly status: number,
    readonly errorCode: string | null,
  ) {
    super("API_FAILURE", `The verifier answered ${status}${errorCode === null ? "" : ` ${errorCode}`}.`);
  }
}

/**
 * Calls an Inji Verify. Each failure is logged with endpoint, cause and time; then it is repeated with growing pauses,
 * unless the verifier refused (4xx) or the call is not to be.
 *
 * @param parse reads the answer's JSON; throws `VerifierCallError` when it is not what was expected
 * @throws VerifierCallError of the last try
 */
export async function callInji<Value>(
  deps: InjiCallDeps,
  call: InjiCall,
  parse: (json: unknown) => Value,
  context: CallContext,
): Promise<Value> {
  const { retries, retryMs } = deps.inji;
  for (let attempt = 1; ; attempt += 1) {
    const startedMs = monotonicMs();
    const observe = (outcome: "ok" | FlowErrorType) => {
      deps.flowMetrics.called({ endpoint: call.endpoint, outcome, seconds: (monotonicMs() - startedMs) / 1000 });
    };
    try {
      const value = parse(await send(deps.inji, call));
      observe("ok");
      return value;
    } catch (error) {
      if (!(error instanceof VerifierCallError)) throw error;
      observe(error.type);
      logFailure(deps, { call, error, attempt }, context);
      if (!call.isRepeated || attempt > retries || !mayPass(error)) throw error;
      await sleep(retryMs * 2 ** (attempt - 1));
      const { flowSessionId, logger } = context;
      logger.warn({ flowSessionId, endpoint: call.endpoint, attempt: attempt + 1 }, "retrying API call");
    }
  }
}

/** A refusal stays one, and so does an answer that breaks the protocol on purpose; anything else may pass by itself. */
function mayPass(error: VerifierCallError): boolean {
  if (error instanceof InjiAnswerError) return error.status >= 500 || error.status === 429;
  return error.type !== "SECURITY_FAILURE";
}

function logFailure(
  { clock, inji }: InjiCallDeps,
  { call, error, attempt }: { call: InjiCall; error: VerifierCallError; attempt: number },
  { flowSessionId, logger }: CallContext,
): void {
  logger.error(
    {
      category: "API_FAILURE",
      type: error.type,
      endpoint: `${call.method} ${inji.baseUrl}${call.endpoint}`,
      error: error.message,
      timestamp: clock.now().toISOString(),
      context: { flowSessionId, attempt },
      err: error.cause,
    },
    "API call failed",
  );
}

async function send({ baseUrl, timeoutMs }: InjiConfig, { method, path, body }: InjiCall): Promise<unknown> {
  let status: number;
  let text: string;
  try {
    const headers = { accept: "application/json", ...(body !== undefined && { "content-type": "application/json" }) };
    const response = await fetch(baseUrl + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      // What was asked of one host must not be answered by another.
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    status = response.status;
    text = await readBodyWithin(response, ANSWER_LIMIT_BYTES);
  } catch (error) {
    throw new VerifierCallError("NETWORK_FAILURE", reasonOf(error, timeoutMs), { cause: error });
  }
  const json = parseJson(text);
  if (status >= 200 && status < 300) {
    if (json === undefined) throw unreadable("it is no JSON");
    return json;
  }
  const { errorCode } = (json ?? {}) as { errorCode?: unknown };
  const code = typeof errorCode === "string" && /^[A-Za-z_]{1,64}$/.test(errorCode) ? errorCode : null;
  throw new InjiAnswerError(status, code);
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError")
    return `The verifier did not answer within ${timeoutMs} ms.`;
  const { cause } = error as { cause?: { code?: unknown } };
  const code = typeof cause?.code === "string" ? ` (${cause.code})` : "";
  return `The verifier cannot be reached, or broke off${code}.`;
}

/** Undefined when it is none: the text may hold a person's claims, and stays out of every message. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The verifier answered something else than its API says. */
export function unreadable(reason: string): VerifierCallError {
  const message = `The verifier's answer is not understood: ${reason}.`;
  return new VerifierCallError("API_FAILURE", message, { isUnreadable: true });
}
