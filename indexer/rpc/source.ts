import { sleep } from "../../core/clock";
import { randomFraction } from "../../core/crypto";
import { TransientError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import type { IndexerMetrics } from "../metrics";
import type { Header } from "./block";
import { createEndpoint, type Endpoint, type Transport } from "./endpoint";
import { headerAt } from "./headers";
import { createHttpTransport } from "./httpTransport";
import { RpcError } from "./rpcError";
import { createSocketTransport, type SocketTransport } from "./socketTransport";

/** The one place that talks to nodes: several endpoints of one chain, the preferred one first. */
export interface Source {
  readonly endpoints: readonly Endpoint[];
  /**
   * Runs a query on one endpoint, so that all its parts come from the same node. When it fails, or the node's answers
   * contradict each other (RpcError `inconsistent`), the next endpoint is asked; after all, again with growing pauses.
   *
   * @param what is asked for, for the message of the error
   * @throws TransientError `rpc.<kind>` when every attempt failed
   */
  ask<T>(what: string, query: (endpoint: Endpoint) => Promise<T>): Promise<T>;
  /** The newest block of the first endpoint that answers. @throws TransientError */
  head(): Promise<Header>;
  /** The newest block that any endpoint knows, which tells when one no longer follows the chain. @throws TransientError */
  highestHead(): Promise<Header>;
  /** Ranks an endpoint behind the others for a while. */
  demote(endpoint: Endpoint, reason: RpcError): void;
  /**
   * Subscribes to new blocks on every endpoint with a socket; without one nothing ever comes.
   *
   * @param onHead called with what the node sent, unchecked
   * @returns ends the subscriptions
   */
  subscribe(onHead: (head: unknown) => void): () => void;
  /** Whether any endpoint can send new blocks by itself. */
  readonly hasSubscriptions: boolean;
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
  attempts?: number;
}

const DEFAULT_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const MAX_PENALTY = 8;

interface SourceState extends SourceOptions {
  endpoints: Endpoint[];
  /** Recent failures: an endpoint with fewer is asked first. */
  penalties: Map<Endpoint, number>;
}

/** Makes the endpoints; nothing is asked yet. */
export function createSource(options: SourceOptions): Source {
  const sockets: SocketTransport[] = [];
  const endpoints = options.urls.map((address, index) => {
    const url = new URL(address);
    const label = options.urls.length === 1 ? url.host : `${url.host}#${index + 1}`;
    const transport = url.protocol.startsWith("ws") ? createSocketTransport(url) : createHttpTransport(url);
    if (isSocket(transport)) sockets.push(transport);
    return createMeteredEndpoint(options, label, transport);
  });
  const state: SourceState = { ...options, endpoints, penalties: new Map() };
  return {
    endpoints,
    ask: (what, query) => ask(state, what, query),
    demote: (endpoint, reason) => demote(state, endpoint, reason),
    hasSubscriptions: sockets.length > 0,
    head: () => ask(state, "its newest block", (endpoint) => headerAt(endpoint, "latest")),
    highestHead: () => highestHead(endpoints),
    subscribe(onHead) {
      const ends = sockets.map((socket) => socket.subscribeHeads(onHead));
      return () => ends.forEach((end) => end());
    },
    close() {
      for (const endpoint of endpoints) endpoint.close();
    },
  };
}

function createMeteredEndpoint({ metrics, timeoutMs }: SourceOptions, label: string, transport: Transport): Endpoint {
  const observer = {
    onRequest: (method: string) => metrics.requests.inc({ endpoint: label, method }),
    onError: (kind: string) => metrics.errors.inc({ endpoint: label, kind }),
  };
  return createEndpoint({ label, transport, timeoutMs, observer });
}

async function ask<T>(state: SourceState, what: string, query: (endpoint: Endpoint) => Promise<T>): Promise<T> {
  const { attempts = DEFAULT_ATTEMPTS, metrics, stopping, penalties } = state;
  let last: RpcError | undefined;
  for (let attempt = 0; attempt < attempts && !stopping.aborted; attempt += 1) {
    if (attempt > 0) {
      metrics.retries.inc();
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 3 ** attempt);
      await sleep(pauseMs * (0.5 + randomFraction() / 2), stopping);
    }
    for (const endpoint of inOrder(state)) {
      try {
        const answer = await query(endpoint);
        penalties.set(endpoint, Math.max(0, penaltyOf(state, endpoint) - 1));
        return answer;
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        last = error;
        demote(state, endpoint, error);
      }
    }
  }
  const message = `No endpoint gave ${what}: ${last?.message ?? "stopping"}`;
  throw new TransientError(`rpc.${last?.kind ?? "stopping"}`, message, { cause: last });
}

/** The endpoint with the fewest penalties first; among equals the configured order holds. */
function inOrder(state: SourceState): Endpoint[] {
  return [...state.endpoints].sort((a, b) => penaltyOf(state, a) - penaltyOf(state, b));
}

function penaltyOf({ penalties }: SourceState, endpoint: Endpoint): number {
  return penalties.get(endpoint) ?? 0;
}

function demote(state: SourceState, endpoint: Endpoint, { kind, message }: RpcError): void {
  const { metrics, logger, penalties } = state;
  if (kind === "inconsistent" || kind === "malformed") {
    metrics.errors.inc({ endpoint: endpoint.label, kind });
    logger.warn({ endpoint: endpoint.label, reason: message }, "a node's answer was wrong and is not used");
  } else {
    logger.debug({ endpoint: endpoint.label, kind, reason: message }, "a node did not answer");
  }
  penalties.set(endpoint, Math.min(MAX_PENALTY, penaltyOf(state, endpoint) + 1));
}

async function highestHead(endpoints: Endpoint[]): Promise<Header> {
  const heads = await Promise.allSettled(endpoints.map((endpoint) => headerAt(endpoint, "latest")));
  const known = heads.flatMap((head) => (head.status === "fulfilled" ? [head.value] : []));
  const highest = known.sort((a, b) => b.number - a.number)[0];
  if (highest === undefined) throw new TransientError("rpc.unreachable", "No endpoint gives its newest block.");
  return highest;
}

function isSocket(transport: Transport): transport is SocketTransport {
  return "subscribeHeads" in transport;
}
