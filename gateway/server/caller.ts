import { createContextKey } from "@connectrpc/connect";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { isIP } from "node:net";

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Who called, as far as the connection tells. */
export interface Caller {
  /** The IP address, as the trusted proxies name it. */
  address: string;
  /**
   * Ends the call without a further word: the stream of HTTP/2 is reset with ENHANCE_YOUR_CALM (RFC 9113 §7), the
   * connection of HTTP/1.1 is cut.
   */
  cut(): void;
  /** Calls back when the answer was sent to its end, or the caller went away; at once when that has happened. */
  onClose(listener: () => void): void;
}

const NOBODY: Caller = { address: "", cut: () => undefined, onClose: () => undefined };

/** Where handlers of calls find their caller. */
export const callerKey = createContextKey<Caller>(NOBODY, { description: "who called" });

/** The caller of a request that is being answered. @param address the caller's IP address */
export function createCaller(address: string, request: NodeRequest, response: NodeResponse): Caller {
  let isClosed = false;
  response.once("close", () => (isClosed = true));
  return {
    address,
    cut() {
      if ("stream" in response) {
        // Node has no stream any more once it was closed.
        (response.stream as typeof response.stream | undefined)?.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      } else request.socket.destroy();
    },
    onClose(listener) {
      if (isClosed) listener();
      else response.once("close", listener);
    },
  };
}

/**
 * The address of a caller behind so many trusted proxies, each of which appends to `X-Forwarded-For` whom it heard.
 *
 * @param remoteAddress of the connection: the caller's own without proxies, else the nearest proxy's
 */
export function addressOf(
  headers: IncomingHttpHeaders,
  { remoteAddress, trustProxy }: { remoteAddress: string | undefined; trustProxy: number },
): string {
  const own = remoteAddress ?? "";
  const forwarded = headers["x-forwarded-for"];
  const named = (Array.isArray(forwarded) ? forwarded.join(",") : (forwarded ?? ""))
    .split(",")
    .map((part) => part.trim());
  // Seen from here: the connection's other end, then what each proxy named, the nearest proxy's word last.
  const seen = [own, ...named.filter((part) => isIP(part) !== 0).reverse()];
  return seen[Math.min(trustProxy, seen.length - 1)] ?? own;
}
