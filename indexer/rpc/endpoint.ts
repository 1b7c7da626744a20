import { RpcError, type RpcErrorKind, kindOfAnswer } from "./rpcError";

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

/** Called for each request and each error of an endpoint. */
export interface EndpointObserver {
  onRequest(method: string): void;
  onError(kind: RpcErrorKind): void;
}

/** One node, asked in batches. */
export interface Endpoint {
  /** For logs and metrics: the host alone, since the rest of an address may hold a key. */
  readonly label: string;
  /** Most blocks that one `eth_getLogs` may span here; shrinks when the node says so and grows back. */
  logRange: number;
  /** Sends a call, together with the others made in the same turn of the event loop. @throws RpcError */
  call(method: string, params: unknown[]): Promise<unknown>;
  /** Sends calls in as few bodies as the node accepts; all are answered or the whole fails. @throws RpcError */
  callAll(calls: RpcCall[]): Promise<unknown[]>;
  close(): void;
}

const MAX_BATCH = 100;
const MAX_LOG_RANGE = 10_000;

interface PendingCall {
  id: number;
  call: RpcCall;
  resolve(result: unknown): void;
  reject(error: RpcError): void;
}

interface EndpointDeps {
  label: string;
  transport: Transport;
  timeoutMs: number;
  observer: EndpointObserver;
}

interface EndpointState extends EndpointDeps {
  nextId: number;
  /** Calls made in this turn of the event loop. */
  queue: PendingCall[];
  batchLimit: number;
}

/** Makes an endpoint on a transport. A batch that the node finds too large is halved, and later ones stay as small. */
export function createEndpoint(deps: EndpointDeps): Endpoint {
  const state: EndpointState = { ...deps, nextId: 1, queue: [], batchLimit: MAX_BATCH };
  return {
    label: deps.label,
    logRange: MAX_LOG_RANGE,
    call: (method, params) => enqueue(state, { method, params }),
    callAll: (calls) => Promise.all(calls.map((call) => enqueue(state, call))),
    close: () => deps.transport.close(),
  };
}

/** A wider range after a success, up to the most that is worth asking. */
export function grownRange(range: number): number {
  return Math.min(MAX_LOG_RANGE, Math.ceil(range * 1.25) + 1);
}

function enqueue(state: EndpointState, call: RpcCall): Promise<unknown> {
  state.observer.onRequest(call.method);
  return new Promise((resolve, reject) => {
    // Whatever is asked in one turn of the event loop is sent together.
    if (state.queue.length === 0) setImmediate(() => flush(state));
    state.queue.push({ id: state.nextId++, call, resolve, reject });
  });
}

function flush(state: EndpointState): void {
  const pending = state.queue;
  state.queue = [];
  const isLogQuery = ({ call }: PendingCall) => call.method === "eth_getLogs";
  // Log queries have the largest answers: each is sent alone, so that none delays or breaks what is small.
  for (const one of pending.filter(isLogQuery)) void send(state, [one]);
  const rest = pending.filter((one) => !isLogQuery(one));
  const size = state.batchLimit;
  for (let from = 0; from < rest.length; from += size) void send(state, rest.slice(from, from + size));
}

async function send(state: EndpointState, batch: PendingCall[]): Promise<void> {
  try {
    resolveBatch(state, batch, await exchange(state, batch));
  } catch (cause) {
    const error = cause instanceof RpcError ? cause : new RpcError("unreachable", "request failed", { cause });
    if (batch.length > 1 && (error.kind === "too_large" || error.kind === "unsupported")) {
      const half = Math.max(1, Math.floor(batch.length / 2));
      state.batchLimit = half;
      await Promise.all([send(state, batch.slice(0, half)), send(state, batch.slice(half))]);
      return;
    }
    state.observer.onError(error.kind);
    for (const one of batch) one.reject(error);
  }
}

async function exchange({ transport, timeoutMs }: EndpointState, batch: PendingCall[]): Promise<unknown> {
  const bodies = batch.map(({ id, call }) => ({ jsonrpc: "2.0", id, method: call.method, params: call.params }));
  const body = JSON.stringify(bodies.length === 1 ? bodies[0] : bodies);
  const ids = batch.map(({ id }) => id);
  return transport.exchange(body, ids, timeoutMs);
}

/** Gives each call its answer. @throws RpcError when the node rejected the batch as a whole */
function resolveBatch({ label, observer }: EndpointState, batch: PendingCall[], answer: unknown): void {
  const answers = new Map<unknown, RpcAnswer>();
  for (const one of Array.isArray(answer) ? answer : [answer]) {
    if (isAnswer(one)) answers.set(one.id, one);
  }
  // A node that rejects a whole batch answers with one error without an id.
  const rejection = batch.length > 1 && answers.size === 1 ? answers.get(null)?.error : undefined;
  if (rejection) throw new RpcError(kindOfAnswer(rejection.code, rejection.message), rejection.message);
  for (const { id, call, resolve, reject } of batch) {
    const found = answers.get(id);
    if (found === undefined || (found.error === undefined && found.result === undefined)) {
      observer.onError("malformed");
      reject(new RpcError("malformed", `${label} left ${call.method} unanswered`));
    } else if (found.error) {
      const kind = kindOfAnswer(found.error.code, found.error.message);
      observer.onError(kind);
      reject(new RpcError(kind, `${label} rejected ${call.method}: ${found.error.message}`));
    } else {
      resolve(found.result);
    }
  }
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
  // Some nodes leave out the code or the message; it is an error all the same.
  const details = error as { code?: unknown; message?: unknown };
  details.code = typeof details.code === "number" ? details.code : 0;
  details.message = typeof details.message === "string" ? details.message : "no reason given";
  return true;
}
