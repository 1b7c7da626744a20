import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Call {
  id: unknown;
  method: string;
  params: unknown[];
}

interface Answer {
  id: unknown;
  result?: unknown;
  error?: { code: number; message: string };
}

/** What the proxy does to one exchange as a whole; `pass` is what a correct node does. */
export type ExchangeFault = "pass" | "hang" | "429" | "500" | "half answer" | "not json" | "drop" | "missing answers";

/** The faults that the proxy injects, per exchange and per call. */
export interface Faults {
  /** What happens to the next exchange. */
  exchange?: (calls: Call[]) => ExchangeFault;
  /** The node knows no block beyond this one: it lags, or was restarted from an old backup. */
  knownHead?: () => number | undefined;
  /** The last block that the node calls final; a Hardhat node calls the newest so. */
  finalized?: () => number | undefined;
  /** An error instead of an answer, in the words of providers. */
  reject?: (call: Call) => { code: number; message: string } | undefined;
  /** Changes the answer to a call. */
  alter?: (call: Call, result: unknown) => unknown;
}

/** A proxy between the indexer and a real node that injects faults into its answers. */
export interface FaultyRpc {
  url: string;
  faults: Faults;
  /** Calls received, by method. */
  received: Map<string, number>;
  stop(): Promise<void>;
}

/** Starts a proxy in front of a correct node. */
export async function startFaultyRpc(target: string, faults: Faults = {}): Promise<FaultyRpc> {
  const proxy = { faults, received: new Map<string, number>() };

  async function answer(body: string, response: ServerResponse): Promise<void> {
    const parsed = JSON.parse(body) as Call | Call[];
    const calls = Array.isArray(parsed) ? parsed : [parsed];
    for (const { method } of calls) proxy.received.set(method, (proxy.received.get(method) ?? 0) + 1);
    const fault = proxy.faults.exchange?.(calls) ?? "pass";
    if (fault === "hang") return;
    if (fault === "drop") return void response.destroy();
    if (fault === "429") return void response.writeHead(429).end("Too Many Requests");
    if (fault === "500") return void response.writeHead(500).end("Internal Server Error");
    if (fault === "not json") return void response.writeHead(200).end("<html>maintenance</html>");

    const answers = await Promise.all(calls.map((call) => answerCall(call)));
    const sent = fault === "missing answers" ? answers.slice(0, -1) : answers;
    const text = JSON.stringify(Array.isArray(parsed) ? sent : (sent[0] ?? null));
    if (fault === "half answer") {
      response.writeHead(200, { "content-length": Buffer.byteLength(text) });
      response.write(text.slice(0, text.length / 2));
      setTimeout(() => response.destroy(), 20);
      return;
    }
    response.writeHead(200, { "content-type": "application/json" }).end(text);
  }

  async function answerCall(call: Call): Promise<Answer> {
    const error = proxy.faults.reject?.(call);
    if (error) return { id: call.id, error };
    const capped = capCall(call);
    if (capped === null) return { id: call.id, result: null };
    const real = await forward(target, capped);
    if (real.error || !proxy.faults.alter) return { ...real, id: call.id };
    return { id: call.id, result: proxy.faults.alter(call, real.result) };
  }

  /** The call as a node would understand it that ends at `knownHead`; null for what it does not know. */
  function capCall(call: Call): Call | null {
    const finalized = call.params[0] === "finalized" ? proxy.faults.finalized?.() : undefined;
    if (finalized !== undefined) return { ...call, params: [`0x${finalized.toString(16)}`, ...call.params.slice(1)] };
    const head = proxy.faults.knownHead?.();
    if (head === undefined) return call;
    const quantity = `0x${head.toString(16)}`;
    const [first, second] = call.params;
    if (call.method === "eth_blockNumber")
      return { ...call, method: "eth_getBlockByNumber", params: [quantity, false] };
    if (call.method === "eth_getBlockByNumber") {
      if (first === "latest" || first === "finalized") return { ...call, params: [quantity, second] };
      return Number(first) > head ? null : call;
    }
    if (call.method === "eth_getLogs") {
      const filter = first as { toBlock?: string; blockHash?: string };
      if (filter.toBlock !== undefined && Number(filter.toBlock) > head) {
        return { ...call, params: [{ ...filter, toBlock: quantity }] };
      }
    }
    return call;
  }

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      answer(Buffer.concat(chunks).toString(), response).catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function forward(target: string, call: Call): Promise<Answer> {
  const body = JSON.stringify({ jsonrpc: "2.0", ...call });
  return new Promise((resolve, reject) => {
    const outgoing = request(
      target,
      { method: "POST", headers: { "content-type": "application/json" } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString()) as Answer));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
