import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo, Server } from "node:net";

/** A server that listens. */
export interface ListeningServer {
  /** The port, which the system chose when 0 was asked for. */
  readonly port: number;
  /**
   * Stops accepting, tells callers that no more is answered here, and lets calls in hand finish for at most
   * `deadlineMs`, then cuts the rest.
   *
   * @returns false when calls had to be cut
   */
  close(deadlineMs: number): Promise<boolean>;
}

interface Address {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  /** Connections at once; further ones are cut. */
  maxConnections: number;
  /** How often the other end of a connection of HTTP/2 is asked whether it is there. */
  pingIntervalMs?: number;
}

/** Calls at once on one connection of HTTP/2. */
const MAX_STREAMS = 100;

/** Two of these are how long a stream is open to nobody. */
const PING_INTERVAL_MS = 30_000;

/** Connections of ended streams count as idle a moment later, and would hold the server open. Milliseconds. */
const IDLE_INTERVAL_MS = 50;

/**
 * Serves HTTP/1.1.
 *
 * @throws Error when the address cannot be listened on, for instance `EADDRINUSE`
 */
export async function listenHttp(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  address: Address,
): Promise<ListeningServer> {
  let closing = false;
  const server = createHttpServer(
    // Slow senders hold a connection this long at most; answers, which may be streams, are not limited by these.
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000, maxHeaderSize: 16_384 },
    (request, response) => {
      if (closing) response.setHeader("connection", "close");
      handle(request, response);
    },
  );
  const port = await listen(server, address);
  return {
    port,
    async close(deadlineMs) {
      closing = true;
      const finished = closed(server);
      const timer = setInterval(() => server.closeIdleConnections(), IDLE_INTERVAL_MS);
      server.closeIdleConnections();
      const clean = await within(finished, deadlineMs);
      clearInterval(timer);
      if (!clean) {
        server.closeAllConnections();
        await finished;
      }
      return clean;
    },
  };
}

/**
 * Serves HTTP/2 without TLS, for callers that begin with it (RFC 9113 §3.3).
 *
 * @throws Error when the address cannot be listened on, for instance `EADDRINUSE`
 */
export async function listenHttp2(
  handle: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
  address: Address,
): Promise<ListeningServer> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server(
    { settings: { maxConcurrentStreams: MAX_STREAMS, enablePush: false }, maxSessionInvalidFrames: 100 },
    handle,
  );
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    // A peer that breaks the protocol or vanishes: its calls end with the session.
    session.on("error", () => session.destroy());
    pingPeriodically(session, address.pingIntervalMs ?? PING_INTERVAL_MS);
  });
  const port = await listen(server, address);
  return {
    port,
    async close(deadlineMs) {
      const finished = closed(server);
      // GOAWAY: what was begun is finished, and nothing new begins.
      for (const session of sessions) session.close();
      const clean = await within(finished, deadlineMs);
      if (!clean) {
        for (const session of sessions) session.destroy();
        await finished;
      }
      return clean;
    },
  };
}

/**
 * Ends a connection whose other end vanished without a word, such as a phone that lost its network: a ping (RFC 9113
 * §6.7) that is not answered by the time of the next one. The streams of such a connection would count as open.
 */
function pingPeriodically(session: ServerHttp2Session, intervalMs: number): void {
  let isAnswered = true;
  const timer = setInterval(() => {
    if (!isAnswered) session.destroy();
    // One that is being closed is not pinged; it ends with its last call.
    if (session.destroyed || session.closed) return;
    isAnswered = false;
    session.ping(() => (isAnswered = true));
  }, intervalMs);
  session.once("close", () => clearInterval(timer));
}

async function listen(server: Server, { host, port, maxConnections }: Address): Promise<number> {
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

async function within(finished: Promise<void>, deadlineMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), deadlineMs)));
  const clean = await Promise.race([finished.then(() => true as const), late]);
  clearTimeout(timer);
  return clean;
}
