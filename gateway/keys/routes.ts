import type { HttpRoute } from "../server/routes";
import type { ResponseKeys } from "./responseKeys";

/** Much shorter than a key is published before it signs. Seconds. */
const MAX_AGE_SECONDS = 3_600;

/** Publishes the keys with which answers and events are signed, for pages of every origin. */
export function keyRoutes(keys: Pick<ResponseKeys, "jwks">): HttpRoute[] {
  return [
    {
      method: "GET",
      path: "/.well-known/cairn-gateway-keys",
      handle({ response }) {
        response.setHeader("access-control-allow-origin", "*");
        response.writeHead(200, {
          // RFC 7517 §8.5.
          "content-type": "application/jwk-set+json",
          "cache-control": `public, max-age=${MAX_AGE_SECONDS}`,
        });
        response.end(JSON.stringify(keys.jwks()));
        return Promise.resolve();
      },
    },
  ];
}
