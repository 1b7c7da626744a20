import { WebSocket } from "ws";
import { messageOf } from "../../core/errors";
import type { Transport } from "./endpoint";
import { RpcError } from "./rpcError";

/** A transport that can also tell of new blocks. */
export interface SocketTransport extends Transport {
  /**
   * Asks for `newHeads`, again after each reconnect, and calls back with what the node sends.
   *
   * @returns ends the subscription
   */
  subscribeHeads(onHead: (head: unknown) => void): () => void;
}

const REOPEN_MS = 1_000;
const MAX_PAYLOAD_BYTES = 256 * 2 ** 20;

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: RpcError): void;
  deadline: NodeJS.Timeout;
}

/**
 * JSON-RPC over a WebSocket that is opened when first needed and again after it broke. Requests in flight when it
 * breaks fail; whoever sent them tries again.
 */
export function socketTransport(url: URL): SocketTransport {
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<(head: unknown) => void>();
  let opening: Promise<WebSocket> | undefined;
  const subscribed = new WeakSet<WebSocket>();
  let subscriptionRequest = -1;
  let closed = false;

  function open(): Promise<WebSocket> {
    opening ??= new Promise<WebSocket>((resolve, reject) => {
      const socket = new WebSocket(url, { maxPayload: MAX_PAYLOAD_BYTES, perMessageDeflate: false });
      socket.on("open", () => {
        resolve(socket);
        if (listeners.size > 0) requestHeads(socket);
      });
      socket.on("message", (data: Buffer) => receive(data));
      socket.on("error", (cause: Error) => reject(new RpcError("unreachable", "the socket failed", { cause })));
      socket.on("close", () => {
        opening = undefined;
        reject(new RpcError("unreachable", "the socket was closed"));
        if (listeners.size > 0) reopenLater();
        for (const id of [...waiting.keys()]) settle(id)?.reject(new RpcError("unreachable", "the socket broke"));
      });
    });
    return opening;
  }

  /** Whoever listens asks nothing by itself, so nobody else would open the socket again. */
  function reopenLater(): void {
    setTimeout(() => {
      if (!closed && listeners.size > 0) open().catch(() => undefined);
    }, REOPEN_MS).unref();
  }

  function receive(data: Buffer): void {
    let message: unknown;
    try {
      message = JSON.parse(data.toString("utf8"));
    } catch {
      // Nobody can be told which request this was to answer: they run into their deadlines.
      return;
    }
    const first: unknown = Array.isArray(message) ? message[0] : message;
    if (isHead(first)) for (const listener of listeners) listener(first.params.result);
    const id = typeof first === "object" && first !== null && "id" in first ? first.id : undefined;
    const batch = Array.isArray(message) ? message.map((one: { id?: unknown }) => one.id) : [id];
    for (const one of batch) if (typeof one === "number") settle(one)?.resolve(message);
  }

  function settle(id: number): Waiting | undefined {
    const one = waiting.get(id);
    if (one === undefined) return undefined;
    waiting.delete(id);
    clearTimeout(one.deadline);
    return one;
  }

  function requestHeads(socket: WebSocket): void {
    if (subscribed.has(socket)) return;
    subscribed.add(socket);
    const request = { jsonrpc: "2.0", id: subscriptionRequest--, method: "eth_subscribe", params: ["newHeads"] };
    socket.send(JSON.stringify(request));
  }

  return {
    async exchange(body, ids, timeoutMs) {
      if (closed) throw new RpcError("unreachable", "the endpoint was closed");
      const [key] = ids;
      if (key === undefined) return [];
      const late = new RpcError("timeout", `no answer within ${timeoutMs} ms`);
      return new Promise((resolve, reject) => {
        const deadline = setTimeout(() => {
          waiting.delete(key);
          reject(late);
        }, timeoutMs);
        // One key a body: the whole batch comes back in one message, which names this id among others.
        waiting.set(key, { resolve, reject, deadline });
        open().then(
          (socket) => socket.send(body),
          (error: unknown) => {
            settle(key);
            reject(error instanceof RpcError ? error : new RpcError("unreachable", messageOf(error)));
          },
        );
      });
    },
    subscribeHeads(onHead) {
      listeners.add(onHead);
      open().then(requestHeads, () => {
        // The watchdog of whoever follows notices the silence, and the next request opens the socket again.
      });
      return () => listeners.delete(onHead);
    },
    close() {
      closed = true;
      opening?.then(
        (socket) => socket.terminate(),
        () => undefined,
      );
    },
  };
}

function isHead(message: unknown): message is { params: { result: unknown } } {
  if (typeof message !== "object" || message === null) return false;
  const { method, params } = message as { method?: unknown; params?: unknown };
  return method === "eth_subscription" && typeof params === "object" && params !== null && "result" in params;
}
