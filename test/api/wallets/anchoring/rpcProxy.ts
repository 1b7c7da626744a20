import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A JSON-RPC endpoint in front of a node which can cut connections, or lose answers. */
export interface RpcProxy {
  url: string;
  /** `cut`: connections are cut. `drop answers`: the node gets what is sent, but raw transactions are never answered. */
  mode: "forward" | "cut" | "drop answers";
  /** Raw transactions that reached the node. */
  sent: string[];
  close(): Promise<void>;
}

/** Starts a proxy in front of a node. */
export async function startRpcProxy(nodeUrl: string): Promise<RpcProxy> {
  const server = createServer((request, response) => void pass(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: RpcProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mode: "forward",
    sent: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    if (proxy.mode === "cut") {
      response.destroy();
      return;
    }
    const calls = [JSON.parse(body) as { method: string; params: string[] }].flat();
    const raws = calls.filter(({ method }) => method === "eth_sendRawTransaction").map(({ params }) => params[0] ?? "");
    proxy.sent.push(...raws);
    const answer = await fetch(nodeUrl, { method: "POST", headers: { "content-type": "application/json" }, body });
    const text = await answer.text();
    if (proxy.mode === "drop answers" && raws.length > 0) response.destroy();
    else response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
  }
  return proxy;
}
