import { RpcError, type RpcFault, faultOfAnswer } from "./rpcError";

/** One request of JSON-RPC 2.0. */
export interface RpcCall {
  method: string;
  params: unknown[];
}

/** Carries one exchange: the text that is sent, the answer parsed. Throws RpcError. */
export interface Transport {
  /** @param ids those of the calls in `body`, by which a socket finds its answer */
  exchange(body: string, ids: number[], timeoutMs: number): Promise<unknown>;
  close(): void;
}

/** What an endpoint tells of its work. */
export interface EndpointObserver {
  onRequest(method: string): void;
  onFault(fault: RpcFault): void;
}

/** One node, asked in batches. */
export interface Endpoint {
  /** For logs and metrics: the host alone, since the rest of an address may hold a key. */
  readonly label: string;
  /** Most blocks that one `eth_getLogs` may span here; shrinks when the node says so and grows back. */
  logRange: number;
  /** Sends a call, together with the others made in the same turn. @throws RpcError */
  call(method: string, params: unknown[]): Promise<unknown>;
  /** Sends calls in as few bodies as the node takes; all answer or the whole fails. @throws RpcError */
  callAll(calls: RpcCall[]): Promise<unknown[]>;
  close(): void;
}

const MAX_BATCH = 100;
const MAX_LOG_RANGE = 10_000;

interface Waiting {
  id: number;
  call: RpcCall;
  resolve(result: unknown): void;
  reject(error: RpcError): void;
}

/**
 * Makes an endpoint on a transport. A batch that the node finds too large is halved, and stays halved.
 */
export function makeEndpoint(options: {
  label: string;
  transport: Transport;
  timeoutMs: number;
  observer: EndpointObserver;
}): Endpoint {
  const { label, transport, timeoutMs, observer } = options;
  let nextId = 1;
  let queue: Waiting[] = [];
  let batchLimit = MAX_BATCH;

  function enqueue(call: RpcCall): Promise<unknown> {
    observer.onRequest(call.method);
    return new Promise((resolve, reject) => {
      // Whatever is asked in one turn of the event loop travels together.
      if (queue.length === 0) setImmediate(flush);
      queue.push({ id: nextId++, call, resolve, reject });
    });
  }

  function flush(): void {
    const waiting = queue;
    queue = [];
    // Log queries answer with the most bytes: each travels alone, so that none delays or breaks what is small.
    for (const one of waiting.filter(({ call }) => call.method === "eth_getLogs")) void send([one]);
    const rest = waiting.filter(({ call }) => call.method !== "eth_getLogs");
    for (let from = 0; from < rest.length; from += batchLimit) void send(rest.slice(from, from + batchLimit));
  }

  async function send(batch: Waiting[]): Promise<void> {
    try {
      deliver(batch, await exchange(batch));
    } catch (error) {
      const fault = error instanceof RpcError ? error : new RpcError("unreachable", "request failed", { cause: error });
      if (batch.length > 1 && (fault.fault === "too_large" || fault.fault === "unsupported")) {
        batchLimit = Math.max(1, Math.floor(batch.length / 2));
        await Promise.all([send(batch.slice(0, batchLimit)), send(batch.slice(batchLimit))]);
        return;
      }
      observer.onFault(fault.fault);
      for (const one of batch) one.reject(fault);
    }
  }

  async function exchange(batch: Waiting[]): Promise<unknown> {
    const bodies = batch.map(({ id, call }) => ({ jsonrpc: "2.0", id, method: call.method, params: call.params }));
    const body = JSON.stringify(bodies.length === 1 ? bodies[0] : bodies);
    return transport.exchange(
      body,
      batch.map(({ id }) => id),
      timeoutMs,
    );
  }

  function deliver(batch: Waiting[], answer: unknown): void {
    const answers = new Map<unknown, RpcAnswer>();
    for (const one of Array.isArray(answer) ? answer : [answer]) {
      if (isAnswer(one)) answers.set(one.id, one);
    }
    // A node that refuses a whole batch answers with one error without an id.
    const refusal = batch.length > 1 && answers.size === 1 ? answers.get(null)?.error : undefined;
    if (refusal) throw new RpcError(faultOfAnswer(refusal.code, refusal.message), refusal.message);
    for (const { id, call, resolve, reject } of batch) {
      const found = answers.get(id);
      if (found === undefined || (found.error === undefined && found.result === undefined)) {
        observer.onFault("malformed");
        reject(new RpcError("malformed", `${label} left ${call.method} unanswered`));
      } else if (found.error) {
        const fault = faultOfAnswer(found.error.code, found.error.message);
        observer.onFault(fault);
        reject(new RpcError(fault, `${label} refused ${call.method}: ${found.error.message}`));
      } else {
        resolve(found.result);
      }
    }
  }

  return {
    label,
    logRange: MAX_LOG_RANGE,
    call: (method, params) => enqueue({ method, params }),
    callAll: (calls) => Promise.all(calls.map(enqueue)),
    close: () => transport.close(),
  };
}

/** A wider range after a success, up to the most that is worth asking. */
export function grownRange(range: number): number {
  return Math.min(MAX_LOG_RANGE, Math.ceil(range * 1.25) + 1);
}

interface RpcAnswer {
  id: unknown;
  result?: unknown;
  error?: { code: number; message: string };
}

function isAnswer(value: unknown): value is RpcAnswer {
  if (typeof value !== "object" || value === null || !("id" in value)) return false;
  if (!("error" in value) || value.error === null || value.error === undefined) return true;
  const { error } = value;
  if (typeof error !== "object") return false;
  // Some nodes leave out the code or the message; an error without words is still an error.
  const fault = error as { code?: unknown; message?: unknown };
  fault.code = typeof fault.code === "number" ? fault.code : 0;
  fault.message = typeof fault.message === "string" ? fault.message : "no reason given";
  return true;
}
