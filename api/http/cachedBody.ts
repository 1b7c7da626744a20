import { sha256Hex } from "../../core/hash";
import type { Reply, ReplyDescription, RequestContext } from "./endpoint";

/** A body that does not change while the process runs, with its strong validator (RFC 9110 §8.8.3). */
export interface CachedBody {
  bytes: Buffer;
  etag: string;
}

/** How answers to conditional requests are described. */
export const NOT_MODIFIED: ReplyDescription = { description: "It is what If-None-Match names." };

/** Makes a body to be sent as it is, again and again. */
export function cachedBody(content: string | Buffer): CachedBody {
  const bytes = Buffer.from(content);
  return { bytes, etag: `"${sha256Hex(bytes).slice(0, 32)}"` };
}

/** Answers with a body, or with 304 to whoever has it already (RFC 9110 §13.1.2). */
export function cachedReply(
  { bytes, etag }: CachedBody,
  { header, headers }: { header: RequestContext["header"]; headers: Record<string, string> },
): Reply {
  const tagged = { ...headers, etag };
  return namesTag(header("if-none-match"), etag)
    ? { status: 304, headers: tagged }
    : { status: 200, body: bytes, headers: tagged };
}

/** Whether `If-None-Match` names a tag, compared weakly (RFC 9110 §8.8.3.2). */
export function namesTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const strong = etag.replace(/^W\//, "");
  return header.split(",").some((given) => given.trim() === "*" || given.trim().replace(/^W\//, "") === strong);
}
