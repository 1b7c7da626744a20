import { setTimeout as delay } from "node:timers/promises";
import { DEVELOPMENT_ADMIN_API_KEY } from "../../core/config/admin";
import { readEnvironment } from "../../core/config/environment";

/** What the API answered. */
export interface ApiAnswer {
  method: string;
  path: string;
  status: number;
  body: Record<string, unknown>;
}

/** Sends requests with one bearer token. */
export type ApiClient = (method: string, path: string, body?: unknown) => Promise<ApiAnswer>;

const MAX_ATTEMPTS = 240;
const RETRY_INTERVAL_MS = 250;

/** @param token a session or an API key; empty for none */
export function createApiClient(apiUrl: string, token: string): ApiClient {
  return (method, path, body) => callApi(apiUrl, { method, path, token, body });
}

/** The API as its administrator calls it, by the configured key. */
export function createAdminClient(apiUrl: string): ApiClient {
  return createApiClient(apiUrl, readEnvironment()["ADMIN_API_KEY"] ?? DEVELOPMENT_ADMIN_API_KEY);
}

/** Sends one JSON request; while the API cannot be reached or answers 503, sends it again for a minute. */
async function callApi(
  apiUrl: string,
  request: { method: string; path: string; token: string; body: unknown },
): Promise<ApiAnswer> {
  const { method, path, token, body } = request;
  const headers: Record<string, string> = { accept: "application/json" };
  if (token !== "") headers["authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await retryUntilReachable("The API", async (isLastAttempt) => {
    const answer = await fetch(apiUrl + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (answer.status === 503 && !isLastAttempt) throw new Error("it answers 503");
    return answer;
  });
  const text = await response.text();
  const parsed = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { method, path, status: response.status, body: parsed };
}

/**
 * @returns the answer's body
 * @throws Error with the API's own explanation when its status is none of those expected
 */
export function expectAnswer(answer: ApiAnswer, ...statuses: number[]): Record<string, unknown> {
  if (statuses.includes(answer.status)) return answer.body;
  const { detail } = answer.body;
  const explanation = typeof detail === "string" ? detail : JSON.stringify(answer.body);
  throw new Error(`${answer.method} ${answer.path} answered ${answer.status}: ${explanation}`);
}

/**
 * Tries for a minute: a process that was killed is back within seconds, on a busy machine later.
 *
 * @param what names the server in the error
 * @param attempt gets whether it is the last one
 * @throws Error, with the last attempt's as its cause
 */
export async function retryUntilReachable<T>(
  what: string,
  attempt: (isLastAttempt: boolean) => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    const isLastAttempt = count === MAX_ATTEMPTS;
    try {
      return await attempt(isLastAttempt);
    } catch (error) {
      if (isLastAttempt) throw new Error(`${what} cannot be reached.`, { cause: error });
    }
    await delay(RETRY_INTERVAL_MS);
  }
}
