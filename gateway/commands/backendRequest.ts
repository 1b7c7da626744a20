import { DomainError } from "../../core/errors";
import { commandQuery, type CommandRoute, IDEMPOTENCY_KEY_HEADER } from "../../core/internalApi";
import { type Json, parseJson } from "../../core/json";
import type { BackendRequest } from "../backend/http";

/**
 * The request to the API that executes a command. The payload of a write is its body, byte for byte; that of a read
 * becomes the query.
 *
 * @param command.idempotencyKey names the write, whoever sends it again
 * @throws DomainError `request.malformed` when the payload of a read is no JSON object of texts, numbers and truth values
 */
export function backendRequestOf(
  { method, path }: CommandRoute,
  { payload, idempotencyKey }: { payload: Uint8Array; idempotencyKey: string },
): BackendRequest {
  if (method === "get") {
    const query = queryOf(payload).toString();
    return { method: "GET", path: query === "" ? path : `${path}?${query}`, headers: {} };
  }
  const headers = { "content-type": "application/json", [IDEMPOTENCY_KEY_HEADER]: idempotencyKey };
  return { method: method === "post" ? "POST" : "PATCH", path, headers, body: payload };
}

function queryOf(payload: Uint8Array): URLSearchParams {
  if (payload.length === 0) return new URLSearchParams();
  const query = commandQuery(parsedPayload(payload));
  if (query === undefined) throw malformed("is no JSON object of texts, numbers and truth values");
  return query;
}

function parsedPayload(payload: Uint8Array): Json {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    // Without the cause: the parser's own message quotes the payload, which must not be logged.
    throw malformed("is no JSON in UTF-8");
  }
}

function malformed(problem: string): DomainError {
  return new DomainError("request.malformed", "invalid", `The payload ${problem}.`);
}
