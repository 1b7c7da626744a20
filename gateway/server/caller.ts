import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { createContextKey } from "@connectrpc/connect";

/** Who called, as far as the connection tells. */
export interface Caller {
  /** The IP address, as the trusted proxies name it. */
  address: string;
  /** Ends the call without a further word: the stream of HTTP/2 is reset, the connection of HTTP/1.1 is cut. */
  cut(): void;
}

/** Where handlers of calls find their caller. */
export const callerKey = createContextKey<Caller>({ address: "", cut: () => undefined }, { description: "who called" });

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
