import { API_KEY_PREFIXES, type ApiKeyKind } from "../../core/keys/apiKeys";
import { DomainError } from "../../core/errors";
import type { Credentials } from "./authenticate";
import type { ApiKeyCaller, RejectionDescription } from "./endpoint";
import type { GuessLimit } from "./guessLimit";

/**
 * Finds whose API key this is.
 *
 * @throws DomainError `api_key.unknown` or `api_key.revoked`
 */
export type ApiKeyReader = (kind: ApiKeyKind, key: string) => Promise<ApiKeyCaller>;

const WRONG_KEY = new Set(["api_key.unknown", "api_key.revoked"]);

/** Reads keys for a caller at an address, which may bring so many wrong ones only. */
export function limitWrongKeys(readApiKey: ApiKeyReader, limitGuesses: GuessLimit, ip: string): ApiKeyReader {
  return (kind, key) =>
    limitGuesses({
      secret: key,
      ip,
      read: () => readApiKey(kind, key),
      isWrong: (error) => error instanceof DomainError && WRONG_KEY.has(error.code),
    });
}

/** The rejections of every operation that needs an API key. */
export const API_KEY_REJECTIONS: RejectionDescription[] = [
  { code: "api_key.missing", kind: "unauthenticated", meaning: "No API key was sent as `Authorization: Bearer`." },
  { code: "api_key.unknown", kind: "unauthenticated", meaning: "Nobody has this API key." },
  { code: "api_key.revoked", kind: "unauthenticated", meaning: "The API key was revoked." },
  { code: "api_key.wrong_kind", kind: "forbidden", meaning: "The API key is one for other operations." },
];

/**
 * Finds whose API key a request carries: `Authorization: Bearer CAIRN-...` (RFC 6750 §2.1). Cookies never count.
 *
 * @throws DomainError `api_key.missing`, `api_key.wrong_kind`, and what the reader throws
 */
export async function authenticateApiKey(
  readApiKey: ApiKeyReader,
  kind: ApiKeyKind,
  request: Credentials,
): Promise<ApiKeyCaller> {
  const key = /^Bearer +([^ ]+)$/i.exec(request.header("authorization") ?? "")?.[1];
  const given = Object.entries(API_KEY_PREFIXES).find(([, prefix]) => key?.startsWith(prefix))?.[0];
  if (key === undefined || given === undefined) {
    const fix = `send it as \`Authorization: Bearer ${API_KEY_PREFIXES[kind]}...\``;
    throw new DomainError("api_key.missing", "unauthenticated", `This operation needs an API key (${kind}): ${fix}.`);
  }
  if (given !== kind) {
    const message = `This operation needs an API key of another kind: ${kind}, not ${given}.`;
    throw new DomainError("api_key.wrong_kind", "forbidden", message);
  }
  return readApiKey(kind, key);
}
