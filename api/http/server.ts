import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { addressKey } from "../../core/addressBudget";

/** A listening HTTP server. */
export interface HttpServer {
  /** The port it listens on, which the system chose when 0 was asked for. */
  readonly port: number;
  /**
   * Stops accepting, closes idle connections, lets requests in hand finish, at most `deadlineMs`, then cuts the rest.
   *
   * @returns false when requests had to be cut
   */
  close(deadlineMs: number): Promise<boolean>;
}

/**
 * Starts serving.
 *
 * @param address.maxConnections connections at once; further ones are cut
 * @param address.maxConnectionsPerAddress the same of one address, an IPv6 address by its /64
 *
 * @throws Error when the address cannot be listened on, for instance `EADDRINUSE`
 */
export async function listen(
  listener: RequestListener,
  address: { host: string; port: number; maxConnections?: number; maxConnectionsPerAddress?: number },
): Promise<HttpServer> {
  let closing = false;
  const inHand = new Set<ServerResponse>();
  const server = createServer(
    {
      // Slow senders hold a connection this long at most; long-poll answers are not limited by these.
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      // Longer than a usual load balancer's 60 s: it must be the one that closes, or requests get lost in between.
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: 16_384,
    },
    (request, response) => {
      if (closing) response.setHeader("connection", "close");
      inHand.add(response);
      response.on("close", () => inHand.delete(response));
      listener(request, response);
    },
  );
  if (address.maxConnections !== undefined) server.maxConnections = address.maxConnections;
  if (address.maxConnectionsPerAddress !== undefined) limitPerAddress(server, address.maxConnectionsPerAddress);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address.port, address.host, () => {
      server.off("error", reject);
      resolve();
    });
  });

  return {
    port: (server.address() as AddressInfo).port,
    async close(deadlineMs) {
      closing = true;
      // Without this a caller would keep its connection, and with it the server, after the answer it waits for.
      for (const response of inHand) if (!response.headersSent) response.setHeader("connection", "close");
      const finished = new Promise<true>((resolve) => server.close(() => resolve(true)));
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), deadlineMs)));
      const clean = await Promise.race([finished, late]);
      clearTimeout(timer);
      if (!clean) {
        server.closeAllConnections();
        await finished;
      }
      return clean;
    },
  };
}

/** Cuts connections beyond so many of one address: one machine must not take every place. */
function limitPerAddress(server: Server, max: number): void {
  const open = new Map<string, number>();
  server.on("connection", (socket: Socket) => {
    const key = addressKey(socket.remoteAddress ?? "");
    const count = (open.get(key) ?? 0) + 1;
    open.set(key, count);
    socket.on("close", () => {
      const left = (open.get(key) ?? 1) - 1;
      if (left === 0) open.delete(key);
      else open.set(key, left);
    });
    if (count > max) socket.destroy();
  });
}
