import { createContextKey } from "@connectrpc/connect";
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";

/** The other end of a stream. */
export interface Reader {
  /** IP address of the caller. */
  address: string;
  /** Whether the answer was sent to its end, or cut. */
  isClosed(): boolean;
  /** Calls back when the answer was sent to its end, or cut; at once when that has happened. */
  onClose(listener: () => void): void;
  /** Cuts the answer: RST_STREAM ENHANCE_YOUR_CALM in HTTP/2 (RFC 9113 §7), the connection in HTTP/1.1. */
  destroy(): void;
}

/** Where a handler of Connect finds its reader. */
export const READER_KEY = createContextKey<Reader | undefined>(undefined, { description: "the reader of a stream" });

/** Makes the reader of an answer. @param address IP address of the caller, as the process trusts its proxies */
export function createReader(
  address: string,
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): Reader {
  const target = "stream" in request ? request.stream : response;
  const isClosed = () => ("stream" in request ? request.stream.closed || request.stream.destroyed : response.destroyed);
  return {
    address,
    isClosed,
    onClose(listener) {
      if (isClosed()) listener();
      else target.once("close", listener);
    },
    destroy() {
      if ("stream" in request) request.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      else request.socket.destroy();
    },
  };
}
