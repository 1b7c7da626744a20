import http from "node:http";
import https from "node:https";
import type { Transport } from "./endpoint";
import { RpcError, kindOfStatus } from "./rpcError";

const MAX_SOCKETS = 16;

interface HttpDeps {
  client: typeof http | typeof https;
  /** Address, agent and authorization of every request. */
  options: http.RequestOptions;
}

interface HttpAnswer {
  status: number;
  text: string;
}

/**
 * JSON-RPC over HTTP on connections that stay open. `node:http` rather than fetch: large answers arrive with a third
 * less work, and a deadline covers the body too.
 *
 * @param url with user and password where the node asks for them (sent as Basic authorization)
 */
export function createHttpTransport(url: URL): Transport {
  const client = url.protocol === "https:" ? https : http;
  const agent = new client.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const options: http.RequestOptions = {
    agent,
    method: "POST",
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port,
    path: `${url.pathname}${url.search}`,
  };
  if (url.username !== "") {
    options.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  }
  return {
    async exchange(body, _ids, timeoutMs) {
      return parseAnswer(await post({ client, options }, body, timeoutMs));
    },
    close: () => agent.destroy(),
  };
}

function post({ client, options }: HttpDeps, body: string, timeoutMs: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: RpcError) => {
      clearTimeout(deadline);
      reject(error);
    };
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const request = client.request({ ...options, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("aborted", () => fail(new RpcError("malformed", "the answer broke off")));
      response.on("error", (error) => fail(new RpcError("unreachable", "the answer broke off", { cause: error })));
      response.on("end", () => {
        clearTimeout(deadline);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
      });
    });
    const deadline = setTimeout(() => {
      fail(new RpcError("timeout", `no answer within ${timeoutMs} ms`));
      request.destroy();
    }, timeoutMs);
    request.on("error", (cause) => fail(new RpcError("unreachable", "the endpoint cannot be reached", { cause })));
    request.end(body);
  });
}

function parseAnswer({ status, text }: HttpAnswer): unknown {
  if (status < 200 || status > 299) {
    // Several providers send JSON-RPC errors with an HTTP status of their own; the message decides.
    throw new RpcError(kindOfStatus(status, text), `HTTP ${status}: ${text.slice(0, 200)}`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new RpcError("malformed", "the answer is not JSON", { cause });
  }
}
