import { createServer, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { testRpcUrl } from "./servers";

/** The suite's chain behind an address that can stop answering. */
export interface NodeProxy {
  url: string;
  /** While true, connections are cut. */
  closed: boolean;
  close(): void;
}

export async function startNodeProxy(): Promise<NodeProxy> {
  const { hostname, port } = new URL(testRpcUrl());
  const server = createServer((request, response) => {
    if (proxy.closed) {
      request.socket.destroy();
      return;
    }
    const headers = { "content-type": "application/json" };
    const forward = sendRequest({ hostname, port, method: "POST", headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, headers);
      answer.pipe(response);
    });
    forward.on("error", () => response.destroy());
    request.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: NodeProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    closed: false,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return proxy;
}
