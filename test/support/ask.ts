import { expect } from "chai";

/** The fields that tests read from bodies; each operation answers with some of them. */
export interface AnswerBody {
  code: string;
  type: string;
  title: string;
  detail: string;
  requestId?: string;
  errors: { field: string; message: string }[];
  userId: string;
  sessionId: string;
  csrfToken: string;
  id: string;
  expiresAt: string;
  dependencies: Record<string, { status: string }>;
  sessions: { id: string; device: string; current: boolean }[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read bodies of every shape
  [member: string]: any;
}

/** An answer; its body is parsed where it is JSON and empty otherwise. */
export interface Answer {
  status: number;
  headers: Headers;
  body: AnswerBody;
  text: string;
}

export interface AskOptions {
  token?: string | undefined;
  cookie?: string;
  csrfToken?: string;
  /** An object goes out as JSON; text and bytes as they are. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** One request. Redirects are answers, not followed. */
export async function ask(url: string, method: string, options: AskOptions = {}): Promise<Answer> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.token !== undefined) headers["authorization"] = `Bearer ${options.token}`;
  if (options.cookie !== undefined) headers["cookie"] = options.cookie;
  if (options.csrfToken !== undefined) headers["x-csrf-token"] = options.csrfToken;
  if (options.body !== undefined) headers["content-type"] ??= "application/json";
  const { body } = options;
  const raw = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await fetch(url, {
    method,
    headers,
    redirect: "manual",
    ...(body !== undefined && { body: raw as NonNullable<RequestInit["body"]> }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson && text !== "" ? JSON.parse(text) : {}) as AnswerBody,
    text,
  };
}

/** The cookie a `Set-Cookie` answer asks the browser to send back. */
export function cookieFrom(answer: Answer): string {
  const set = answer.headers.getSetCookie().find((value) => value.startsWith("__Host-cairn-session="));
  expect(set, "a session cookie").to.be.a("string");
  return set!.split(";")[0]!;
}
