import type { IncomingMessage, ServerResponse } from "node:http";
import { messageOf } from "../../core/errors";

/** What the mock verifier answers to one request: a string as it is, anything else as JSON. */
export interface HttpAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

const BODY_LIMIT_BYTES = 262_144;

/** Sends what `answer` resolves to; 400 with its message when it rejects. */
export function sendAnswer(response: ServerResponse, answer: Promise<HttpAnswer>): void {
  answer.then(
    ({ status, headers, body }) => {
      const text = typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body);
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(text);
    },
    (error: unknown) =>
      response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ detail: messageOf(error) })),
  );
}

/** @throws Error for a body of more than 256 KiB */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) throw new Error(`The body is larger than ${BODY_LIMIT_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
