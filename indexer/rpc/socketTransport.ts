import { WebSocket } from "ws";
import { messageOf } from "../../core/errors";
import type { Transport } from "./endpoint";
import { RpcError } from "./rpcError";

/** A transport that can also send new blocks by itself. */
export interface SocketTransport extends Transport {
  /**
   * Subscribes to `newHeads`, again after each reconnect, and calls back with what the node sends.
   *
   * @returns ends the subscription
   */
  subscribeHeads(onHead: HeadListener): () => void;
}

type HeadListener = (head: unknown) => void;

const REOPEN_MS = 1_000;
const MAX_PAYLOAD_BYTES = 256 * 2 ** 20;

interface PendingAnswer {
  resolve(answer: unknown): void;
  reject(error: RpcError): void;
  deadline: NodeJS.Timeout;
}

interface SocketState {
  url: URL;
  /** By the first id of the body that was sent. */
  pending: Map<number, PendingAnswer>;
  listeners: Set<HeadListener>;
  /** The socket, open or being opened; undefined after it broke. */
  socket: Promise<WebSocket> | undefined;
  /** Sockets that were asked for `newHeads`. */
  subscribed: WeakSet<WebSocket>;
  nextSubscriptionId: number;
  closed: boolean;
}

/**
 * JSON-RPC over a WebSocket that is opened when first needed and again after it broke. Requests in flight when it
 * breaks fail; whoever sent them tries again.
 */
export function createSocketTransport(url: URL): SocketTransport {
  const state: SocketState = {
    url,
    pending: new Map(),
    listeners: new Set(),
    socket: undefined,
    subscribed: new WeakSet(),
    nextSubscriptionId: -1,
    closed: false,
  };
  return {
    exchange: (body, ids, timeoutMs) => exchange(state, body, ids, timeoutMs),
    subscribeHeads(onHead) {
      state.listeners.add(onHead);
      connect(state).then(
        (socket) => requestHeads(state, socket),
        () => {
          // The next request opens the socket again; until then the head feed polls.
        },
      );
      return () => state.listeners.delete(onHead);
    },
    close() {
      state.closed = true;
      state.socket?.then(
        (socket) => socket.terminate(),
        () => undefined,
      );
    },
  };
}

function connect(state: SocketState): Promise<WebSocket> {
  state.socket ??= new Promise<WebSocket>((resolve, reject) => {
    const socket = new WebSocket(state.url, { maxPayload: MAX_PAYLOAD_BYTES, perMessageDeflate: false });
    socket.on("open", () => {
      resolve(socket);
      if (state.listeners.size > 0) requestHeads(state, socket);
    });
    socket.on("message", (data: Buffer) => receive(state, data));
    socket.on("error", (cause: Error) => reject(new RpcError("unreachable", "the socket failed", { cause })));
    socket.on("close", () => {
      state.socket = undefined;
      reject(new RpcError("unreachable", "the socket was closed"));
      if (state.listeners.size > 0) reconnectLater(state);
      const ids = [...state.pending.keys()];
      for (const id of ids) takePending(state, id)?.reject(new RpcError("unreachable", "the socket broke"));
    });
  });
  return state.socket;
}

/** Listeners send no requests, so nothing else would open the socket again. */
function reconnectLater(state: SocketState): void {
  setTimeout(() => {
    if (!state.closed && state.listeners.size > 0) connect(state).catch(() => undefined);
  }, REOPEN_MS).unref();
}

async function exchange(state: SocketState, body: string, ids: number[], timeoutMs: number): Promise<unknown> {
  if (state.closed) throw new RpcError("unreachable", "the endpoint was closed");
  // One key a body: the whole batch comes back in one message, which names this id among others.
  const [key] = ids;
  if (key === undefined) return [];
  const late = new RpcError("timeout", `no answer within ${timeoutMs} ms`);
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      state.pending.delete(key);
      reject(late);
    }, timeoutMs);
    state.pending.set(key, { resolve, reject, deadline });
    connect(state).then(
      (socket) => socket.send(body),
      (error: unknown) => {
        takePending(state, key);
        reject(error instanceof RpcError ? error : new RpcError("unreachable", messageOf(error)));
      },
    );
  });
}

function receive(state: SocketState, data: Buffer): void {
  let message: unknown;
  try {
    message = JSON.parse(data.toString("utf8"));
  } catch {
    // It cannot be known which request this was to answer: that one reaches its deadline.
    return;
  }
  const parts: unknown[] = Array.isArray(message) ? message : [message];
  const [first] = parts;
  if (isHead(first)) for (const listener of state.listeners) listener(first.params.result);
  for (const part of parts) {
    const id = typeof part === "object" && part !== null && "id" in part ? part.id : undefined;
    if (typeof id === "number") takePending(state, id)?.resolve(message);
  }
}

function takePending({ pending }: SocketState, id: number): PendingAnswer | undefined {
  const found = pending.get(id);
  if (found === undefined) return undefined;
  pending.delete(id);
  clearTimeout(found.deadline);
  return found;
}

function requestHeads(state: SocketState, socket: WebSocket): void {
  if (state.subscribed.has(socket)) return;
  state.subscribed.add(socket);
  const id = state.nextSubscriptionId--;
  socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "eth_subscribe", params: ["newHeads"] }));
}

function isHead(message: unknown): message is { params: { result: unknown } } {
  if (typeof message !== "object" || message === null) return false;
  const { method, params } = message as { method?: unknown; params?: unknown };
  return method === "eth_subscription" && typeof params === "object" && params !== null && "result" in params;
}
