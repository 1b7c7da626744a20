import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { TransientError } from "../../core/errors";
import { IDEMPOTENCY_KEY_HEADER } from "../../core/internalApi";

/** A request to the API. */
export interface BackendRequest {
  method: "GET" | "POST" | "PATCH";
  /** With its query string, from the root. */
  path: string;
  headers: Record<string, string>;
  body?: Uint8Array | undefined;
}

/** What the API answered, whatever it is. */
export interface BackendAnswer {
  status: number;
  contentType: string;
  /** In seconds, where the API says it. */
  retryAfterSeconds: number | undefined;
  body: Buffer;
}

/** 501: what was asked for is not configured there. Asking again does not help, unlike with every other 5xx. */
const NOT_IMPLEMENTED = 501;

/** Whether the API failed, so that the same request may succeed later. */
export function isFailure({ status }: Pick<BackendAnswer, "status">): boolean {
  return status >= 500 && status !== NOT_IMPLEMENTED;
}

/** Sends requests over connections that are kept. */
export interface BackendConnection {
  /** @throws TransientError `backend.unavailable` when there is no whole answer in time */
  send(request: BackendRequest): Promise<BackendAnswer>;
  /** Ends the connections that are idle. */
  close(): void;
}

/** An answer is passed on in one gRPC message, of which clients read 4 MiB unless told otherwise. */
const MAX_ANSWER_BYTES = 3 * 1024 * 1024;

const MAX_SOCKETS = 256;

/** Creates connections to an origin; nothing is connected before the first request. */
export function createBackendConnection(options: { url: string; timeoutMs: number }): BackendConnection {
  const base = new URL(options.url);
  const isEncrypted = base.protocol === "https:";
  // Shorter than the API's own limit for idle connections: it must be we who end them.
  const settings = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: 30_000 };
  const agent = isEncrypted ? new HttpsAgent(settings) : new HttpAgent(settings);
  const prefix = base.pathname.replace(/\/+$/, "");

  function attempt({ method, path, headers, body }: BackendRequest): Promise<BackendAnswer> {
    return new Promise((resolve, reject) => {
      const send = isEncrypted ? requestHttps : requestHttp;
      const outgoing = send(
        {
          agent,
          host: base.hostname.replace(/^\[|\]$/g, ""),
          port: base.port === "" ? undefined : base.port,
          method,
          path: `${prefix}${path}`,
          headers: { ...headers, ...(body === undefined ? {} : { "content-length": String(body.length) }) },
          signal: AbortSignal.timeout(options.timeoutMs),
        },
        (incoming) => void readAnswer(incoming).then(resolve, reject),
      );
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        const isStale = outgoing.reusedSocket && error.code === "ECONNRESET";
        reject(
          isStale ? new StaleConnectionError("the connection was closed while it was idle", { cause: error }) : error,
        );
      });
      outgoing.end(body);
    });
  }

  return {
    async send(request) {
      try {
        return await attempt(request).catch((error: unknown) => {
          if (error instanceof StaleConnectionError && isRepeatable(request)) return attempt(request);
          throw error;
        });
      } catch (error) {
        throw new TransientError("backend.unavailable", "The API does not answer.", { cause: error });
      }
    },
    close: () => agent.destroy(),
  };
}

/** The other side closed a connection that was kept, perhaps before it read the request. */
class StaleConnectionError extends Error {}

/** Whether the API answers the same, and does the same, when it receives a request twice. */
function isRepeatable({ method, headers }: BackendRequest): boolean {
  return method === "GET" || headers[IDEMPOTENCY_KEY_HEADER] !== undefined;
}

async function readAnswer(incoming: IncomingMessage): Promise<BackendAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new RangeError(`the API's answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  const retryAfter = Number(incoming.headers["retry-after"]);
  return {
    status: incoming.statusCode ?? 0,
    contentType: incoming.headers["content-type"] ?? "",
    retryAfterSeconds: Number.isFinite(retryAfter) && retryAfter >= 0 ? retryAfter : undefined,
    body: Buffer.concat(chunks),
  };
}
