import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf } from "../core/errors";
import type { Readiness } from "./health";
import type { ProcessMetrics } from "./metrics";

export interface OperationsOptions {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  readiness(): Promise<Readiness>;
  metrics: Pick<ProcessMetrics, "text" | "contentType">;
}

/** A listening server for operators. */
export interface OperationsServer {
  port: number;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

interface Answer {
  status: number;
  type: string;
  body: string;
  headers?: Record<string, string>;
}

/**
 * Serves what supervisors, load balancers and Prometheus ask a process, on a listener that is not public:
 * `/health/live`, `/health/ready` (503 when unavailable) and `/metrics`.
 *
 * @throws Error when the address cannot be listened on, for instance `EADDRINUSE`
 */
export async function serveOperations(options: OperationsOptions): Promise<OperationsServer> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, (request, response) => {
    answer(options, request)
      .catch((error: unknown) => jsonAnswer(500, { error: messageOf(error) }))
      .then(({ status, type, body, headers }) =>
        response.writeHead(status, { ...headers, "content-type": type, "cache-control": "no-store" }).end(body),
      );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer({ readiness, metrics }: OperationsOptions, request: IncomingMessage): Promise<Answer> {
  const { method = "GET", url = "/" } = request;
  if (method !== "GET" && method !== "HEAD") {
    return { ...jsonAnswer(405, { error: "only GET is answered here" }), headers: { allow: "GET, HEAD" } };
  }
  switch (url.split("?")[0]) {
    case "/health/live":
      return jsonAnswer(200, { status: "live" });
    case "/health/ready": {
      const found = await readiness();
      return jsonAnswer(found.status === "unavailable" ? 503 : 200, found);
    }
    case "/metrics":
      return { status: 200, type: metrics.contentType, body: await metrics.text() };
    default:
      return jsonAnswer(404, { error: "there are /health/live, /health/ready and /metrics" });
  }
}

function jsonAnswer(status: number, value: unknown): Answer {
  return { status, type: "application/json", body: JSON.stringify(value) };
}
