import type { z } from "zod";
import { messageOf, TransientError } from "../../../core/errors";

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 1_048_576;

/** A request to a provider's API. */
export interface ProviderRequest<Schema extends z.ZodType> {
  provider: string;
  /** What is asked, for people: `create a session`. */
  purpose: string;
  url: string;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: string;
  schema: Schema;
}

/**
 * Asks a provider's API and parses its answer; what the schema does not name is dropped unread.
 *
 * @throws TransientError `kyc.provider_unavailable`. It names the provider, the path's purpose and the status, and
 *   nothing of the answer, which may be about a person
 */
export async function callProvider<Schema extends z.ZodType>(
  request: ProviderRequest<Schema>,
): Promise<z.output<Schema>> {
  const answer = await findAtProvider(request);
  if (answer === null) throw unavailable(request.provider, request.purpose, "it answered 404");
  return answer;
}

/** As {@link callProvider}, for what may not exist: null where the provider answers 404. */
export async function findAtProvider<Schema extends z.ZodType>(
  request: ProviderRequest<Schema>,
): Promise<z.output<Schema> | null> {
  const { provider, purpose, url, method, headers, body } = request;
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method,
      headers,
      redirect: "error" as const,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body !== undefined && { body }),
    });
    text = await boundedText(response);
  } catch (error) {
    throw unavailable(provider, purpose, messageOf(error), error);
  }
  if (response.status === 404) return null;
  if (!response.ok) throw unavailable(provider, purpose, `it answered ${response.status}`);
  const parsed = request.schema.safeParse(parseJson(text));
  if (!parsed.success) {
    const where = parsed.error.issues.map(({ path }) => path.join(".")).join(", ");
    throw unavailable(provider, purpose, `its answer lacks ${where}`);
  }
  return parsed.data;
}

/** JSON, or undefined where the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's message quotes the text, which may be about a person.
    return undefined;
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).byteLength;
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unavailable(provider: string, purpose: string, reason: string, cause?: unknown): TransientError {
  const options = cause === undefined ? {} : { cause };
  return new TransientError(
    "kyc.provider_unavailable",
    `${provider} could not be asked to ${purpose}: ${reason}.`,
    options,
  );
}
