import { setTimeout as delay } from "node:timers/promises";

/** What the API answered. */
export interface ApiAnswer {
  method: string;
  path: string;
  status: number;
  body: Record<string, unknown>;
}

/** Sends one request as a wallet's app would: JSON, with the session as bearer token. */
export async function callApi(
  apiUrl: string,
  request: { method: string; path: string; body?: unknown; session?: string },
): Promise<ApiAnswer> {
  const { method, path, body, session } = request;
  const headers: Record<string, string> = { accept: "application/json" };
  if (session !== undefined && session !== "") headers["authorization"] = `Bearer ${session}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await untilReachable("The API", async (isLast) => {
    const answer = await fetch(apiUrl + path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (answer.status === 503 && !isLast) throw new Error("it answers 503");
    return answer;
  });
  const text = await response.text();
  const parsed = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { method, path, status: response.status, body: parsed };
}

/** The answer's body, when its status is one of those expected. */
export function expectAnswer(answer: ApiAnswer, ...statuses: number[]): Record<string, unknown> {
  if (statuses.includes(answer.status)) return answer.body;
  const { detail } = answer.body;
  const said = typeof detail === "string" ? detail : JSON.stringify(answer.body);
  throw new Error(`${answer.method} ${answer.path} answered ${answer.status}: ${said}`);
}

/**
 * Asks again for a minute while asking fails: a process that was killed is back within seconds, on a busy machine later.
 *
 * @param what named in the error when it stays away
 * @param ask is told when it is asked for the last time
 */
export async function untilReachable<T>(what: string, ask: (isLast: boolean) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const isLast = attempt === 240;
    try {
      return await ask(isLast);
    } catch (error) {
      if (isLast) throw new Error(`${what} cannot be reached.`, { cause: error });
    }
    await delay(250);
  }
}
