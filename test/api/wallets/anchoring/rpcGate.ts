import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A JSON-RPC endpoint in front of a node that can be shut, or can swallow answers. */
export interface RpcGate {
  url: string;
  /** `shut`: connections are cut. `deaf`: the node gets what is sent, but raw transactions are never answered. */
  mode: "open" | "shut" | "deaf";
  /** Raw transactions that reached the node. */
  sent: string[];
  close(): Promise<void>;
}

/** Opens a gate in front of a node. */
export async function openRpcGate(nodeUrl: string): Promise<RpcGate> {
  const server = createServer((request, response) => void pass(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const gate: RpcGate = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mode: "open",
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
    if (gate.mode === "shut") {
      response.destroy();
      return;
    }
    const calls = [JSON.parse(body) as { method: string; params: string[] }].flat();
    const raws = calls.filter(({ method }) => method === "eth_sendRawTransaction").map(({ params }) => params[0] ?? "");
    gate.sent.push(...raws);
    const answer = await fetch(nodeUrl, { method: "POST", headers: { "content-type": "application/json" }, body });
    const text = await answer.text();
    if (gate.mode === "deaf" && raws.length > 0) response.destroy();
    else response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
  }
  return gate;
}
