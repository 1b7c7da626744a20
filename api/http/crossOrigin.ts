import cors, { type CorsOptions } from "cors";
import type { Request, Response } from "express";
import type { Endpoint } from "./endpoint";

/** Headers of answers that scripts of other origins may read beside the ones every browser lets them read. */
const EXPOSED_HEADERS = [
  "ETag",
  "Link",
  "Location",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "X-Request-Id",
  "Cairn-Block-Number",
  "Cairn-Block-Hash",
];
/** Seconds for which a browser remembers what a preflight allowed. */
const PREFLIGHT_SECONDS = 600;

/** Sets an answer's headers for scripts of other origins; a preflight request is answered wholly. */
export type AllowCrossOrigin = (request: Request, response: Response) => void;

/**
 * Says who may read an endpoint's answers from a page of another origin (Fetch Standard, CORS protocol): every origin
 * where the endpoint is `forEveryOrigin`, without credentials; elsewhere the configured origins alone, with cookies.
 *
 * @param origins as browsers send them: scheme, host and port, without a path
 */
export function createCrossOrigin(origins: readonly string[]): (endpoint: Endpoint) => AllowCrossOrigin {
  const shared: CorsOptions = { exposedHeaders: EXPOSED_HEADERS, maxAge: PREFLIGHT_SECONDS };
  return (endpoint) => {
    const methods = endpoint.method === "get" ? ["GET", "HEAD"] : [endpoint.method.toUpperCase()];
    if (endpoint.forEveryOrigin === true) {
      const allow = cors({ ...shared, methods, origin: "*" });
      return (request, response) => {
        // Helmet's default keeps pages of other origins from loading what is meant for them.
        response.set("cross-origin-resource-policy", "cross-origin");
        allow(request, response, ignore);
      };
    }
    if (origins.length === 0) return ignore;
    const allow = cors({ ...shared, methods, origin: [...origins], credentials: true });
    return (request, response) => {
      const origin = request.get("origin");
      if (origin !== undefined && origins.includes(origin)) {
        response.set("cross-origin-resource-policy", "cross-origin");
      }
      allow(request, response, ignore);
    };
  };
}

/** The headers are set when `cors` returns; nothing follows. */
function ignore(): void {}
