import type { IncomingMessage, ServerResponse } from "node:http";
import { cors } from "@connectrpc/connect";

/** How long a browser may keep the answer to a preflight, in seconds: what Chromium keeps at most. */
const PREFLIGHT_SECONDS = 7200;

/** What pages of other origins send beside the headers of the protocols: of server-sent events, and of JSON. */
const OUR_HEADERS = ["Authorization", "Last-Event-ID", "X-Request-Id"];

/** What such pages may read beside them. */
const OUR_EXPOSED = ["Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id"];

/**
 * Lets pages of the allowed origins call (Fetch standard, "CORS protocol"): sets the headers of an answer, and answers
 * preflights. No cookies are asked for: whoever calls is known by a signature or a token.
 *
 * @returns whether the request was a preflight, which is answered now
 */
export function answerCors(origins: string[], request: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = request.headers;
  // Whatever is answered depends on it: caches between us must not answer one origin with another's.
  response.setHeader("vary", "Origin");
  const allowed = origin !== undefined && origins.includes(origin);
  if (allowed) {
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", [...cors.exposedHeaders, ...OUR_EXPOSED].join(", "));
  }
  const isPreflight = request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
  if (!isPreflight) return false;
  if (allowed) {
    response.setHeader("access-control-allow-methods", cors.allowedMethods.join(", "));
    response.setHeader("access-control-allow-headers", [...cors.allowedHeaders, ...OUR_HEADERS].join(", "));
    response.setHeader("access-control-max-age", String(PREFLIGHT_SECONDS));
  }
  response.writeHead(204).end();
  return true;
}
