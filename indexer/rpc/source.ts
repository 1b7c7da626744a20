import { sleep } from "../../core/clock";
import { randomFraction } from "../../core/crypto";
import { TransientError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import { type Header, parseHeader, quantity } from "./block";
import { type Endpoint, makeEndpoint, type Transport } from "./endpoint";
import { httpTransport } from "./httpTransport";
import type { IndexerMetrics } from "../metrics";
import { RpcError } from "./rpcError";
import { type SocketTransport, socketTransport } from "./socketTransport";

/** The one place that talks to nodes: several endpoints of one chain, the preferred one first. */
export interface Source {
  readonly endpoints: readonly Endpoint[];
  /**
   * Does something with one endpoint, so that its parts are of one mind. When it fails, or what the node answered is
   * not to be believed (RpcError `inconsistent`), the next endpoint is asked; after all, again with growing pauses.
   *
   * @throws TransientError `rpc.<fault>` when every round failed
   */
  ask<T>(what: string, question: (endpoint: Endpoint) => Promise<T>): Promise<T>;
  /** The newest block of the first endpoint that answers. */
  head(): Promise<Header>;
  /** The newest block that any endpoint knows: for noticing one that stands still. */
  highestHead(): Promise<Header>;
  /** Puts an endpoint behind the others for a while. */
  distrust(endpoint: Endpoint, why: RpcError): void;
  /**
   * New blocks as sockets tell of them; without a socket among the endpoints nothing ever comes.
   *
   * @param onHead called with what the node sent, unchecked
   * @returns ends the subscriptions
   */
  subscribe(onHead: (head: unknown) => void): () => void;
  /** Whether any endpoint can tell of new blocks. */
  readonly live: boolean;
  close(): void;
}

export interface SourceOptions {
  /** `http(s)://` or `ws(s)://`. */
  urls: string[];
  timeoutMs: number;
  metrics: IndexerMetrics;
  logger: Logger;
  stopping: AbortSignal;
  /** How often all endpoints are asked before giving up. */
  rounds?: number;
}

const ROUNDS = 5;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Opens the endpoints; nothing is asked yet. */
export function openSource(options: SourceOptions): Source {
  const { metrics, logger, stopping } = options;
  const sockets: SocketTransport[] = [];
  const endpoints = options.urls.map((address, index) => {
    const url = new URL(address);
    const label = options.urls.length === 1 ? url.host : `${url.host}#${index + 1}`;
    const transport = url.protocol.startsWith("ws") ? socketTransport(url) : httpTransport(url);
    if (isSocket(transport)) sockets.push(transport);
    const observer = {
      onRequest: (method: string) => metrics.requests.inc({ endpoint: label, method }),
      onFault: (kind: string) => metrics.faults.inc({ endpoint: label, kind }),
    };
    return makeEndpoint({ label, transport, timeoutMs: options.timeoutMs, observer });
  });
  const strikes = new Map<Endpoint, number>();

  // The configured order holds among endpoints of equal standing.
  const inOrder = () => [...endpoints].sort((a, b) => (strikes.get(a) ?? 0) - (strikes.get(b) ?? 0));

  function distrust(endpoint: Endpoint, why: RpcError): void {
    if (why.fault === "inconsistent" || why.fault === "malformed") {
      metrics.faults.inc({ endpoint: endpoint.label, kind: why.fault });
      logger.warn({ endpoint: endpoint.label, reason: why.message }, "a node's answer was not believed");
    } else {
      logger.debug({ endpoint: endpoint.label, fault: why.fault, reason: why.message }, "a node did not answer");
    }
    strikes.set(endpoint, Math.min(8, (strikes.get(endpoint) ?? 0) + 1));
  }

  async function ask<T>(what: string, question: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    let last: RpcError | undefined;
    const rounds = options.rounds ?? ROUNDS;
    for (let round = 0; round < rounds && !stopping.aborted; round += 1) {
      if (round > 0) {
        metrics.retries.inc();
        const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 3 ** round);
        await sleep(pause * (0.5 + randomFraction() / 2), stopping);
      }
      for (const endpoint of inOrder()) {
        try {
          const answer = await question(endpoint);
          const held = strikes.get(endpoint) ?? 0;
          if (held > 0) strikes.set(endpoint, held - 1);
          return answer;
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          last = error;
          distrust(endpoint, error);
        }
      }
    }
    const fault = last?.fault ?? "stopping";
    throw new TransientError(`rpc.${fault}`, `No endpoint gave ${what}: ${last?.message ?? "stopping"}`, {
      cause: last,
    });
  }

  const headOf = async (endpoint: Endpoint) => headerAt(endpoint, "latest");

  return {
    endpoints,
    ask,
    distrust,
    live: sockets.length > 0,
    head: () => ask("its newest block", headOf),
    async highestHead() {
      const heads = await Promise.allSettled(endpoints.map(headOf));
      const known = heads.flatMap((head) => (head.status === "fulfilled" ? [head.value] : []));
      const highest = known.sort((a, b) => b.number - a.number)[0];
      if (highest === undefined) throw new TransientError("rpc.unreachable", "No endpoint tells its newest block.");
      return highest;
    },
    subscribe(onHead) {
      const ends = sockets.map((socket) => socket.subscribeHeads(onHead));
      return () => ends.forEach((end) => end());
    },
    close() {
      for (const endpoint of endpoints) endpoint.close();
    },
  };
}

/** A block by number or tag. @throws RpcError `behind` when the node does not know it */
export async function headerAt(endpoint: Endpoint, block: number | "latest" | "finalized" | "safe"): Promise<Header> {
  const tag = typeof block === "number" ? quantity(block) : block;
  const header = parseHeader(await endpoint.call("eth_getBlockByNumber", [tag, false]));
  if (typeof block === "number" && header.number !== block) {
    throw new RpcError("inconsistent", `asked for block ${block}, the node answered with block ${header.number}`);
  }
  return header;
}

/** Several blocks by number, in the order asked for. @throws RpcError `behind` when the node does not know one of them */
export async function headersAt(endpoint: Endpoint, numbers: number[]): Promise<Header[]> {
  const calls = numbers.map((number) => ({ method: "eth_getBlockByNumber", params: [quantity(number), false] }));
  const answers = await endpoint.callAll(calls);
  return answers.map((answer, index) => {
    const header = parseHeader(answer);
    if (header.number !== numbers[index]) {
      throw new RpcError("inconsistent", `asked for block ${numbers[index]}, the node answered with ${header.number}`);
    }
    return header;
  });
}

function isSocket(transport: Transport): transport is SocketTransport {
  return "subscribeHeads" in transport;
}
