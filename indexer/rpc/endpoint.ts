import { createBatch } from "../../core/batch";
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

interface EndpointDeps {
  label: string;
  transport: Transport;
  timeoutMs: number;
  observer: EndpointObserver;
}

interface EndpointState extends EndpointDeps {
  nextId: number;
  /** Most calls in one body; shrinks when the node says so. */
  batchLimit: number;
  /** Puts a call into the body that goes out at the end of this turn of the event loop. */
  addToBatch(call: RpcCall): Promise<unknown>;
}

/** Makes an endpoint on a transport. A batch that the node finds too large is halved, and later ones stay as small. */
export function createEndpoint(deps: EndpointDeps): Endpoint {
  const state: EndpointState = {
    ...deps,
    nextId: 1,
    batchLimit: MAX_BATCH,
    addToBatch: createBatch({
      run: (calls) => send(state, calls),
      maxSize: () => state.batchLimit,
      waitFor: "turn",
    }),
  };
  return {
    label: deps.label,
    logRange: MAX_LOG_RANGE,
    call: (method, params) => call(state, { method, params }),
    callAll: (calls) => Promise.all(calls.map((one) => call(state, one))),
    close: () => deps.transport.close(),
  };
}

/** A wider range after a success, up to the most that is worth asking. */
export function grownRange(range: number): number {
  return Math.min(MAX_LOG_RANGE, Math.ceil(range * 1.25) + 1);
}

async function call(state: EndpointState, one: RpcCall): Promise<unknown> {
  state.observer.onRequest(one.method);
  if (one.method !== "eth_getLogs") return state.addToBatch(one);
  // Log queries have the largest answers: each is sent alone, so that none delays or breaks what is small.
  const [result] = await send(state, [one]);
  if (result instanceof RpcError) throw result;
  return result;
}

/**
 * Sends calls in one body, in smaller ones when the node finds it too large.
 *
 * @returns the results in the order of the calls, an RpcError for each call that the node rejected
 * @throws RpcError when the exchange failed
 */
async function send(state: EndpointState, calls: RpcCall[]): Promise<unknown[]> {
  const ids = calls.map(() => state.nextId++);
  const bodies = calls.map(({ method, params }, index) => ({ jsonrpc: "2.0", id: ids[index], method, params }));
  const body = JSON.stringify(bodies.length === 1 ? bodies[0] : bodies);
  try {
    return resultsOf(state, calls, ids, await state.transport.exchange(body, ids, state.timeoutMs));
  } catch (cause) {
    const error = cause instanceof RpcError ? cause : new RpcError("unreachable", "request failed", { cause });
    if (calls.length > 1 && (error.kind === "too_large" || error.kind === "unsupported")) {
      const half = Math.max(1, Math.floor(calls.length / 2));
      state.batchLimit = half;
      const halves = [calls.slice(0, half), calls.slice(half)];
      return (await Promise.all(halves.map((part) => send(state, part)))).flat();
    }
    state.observer.onError(error.kind);
    throw error;
  }
}

/** The result of each call. @throws RpcError when the node rejected the batch as a whole */
function resultsOf({ label, observer }: EndpointState, calls: RpcCall[], ids: number[], answer: unknown): unknown[] {
  const answers = new Map<unknown, RpcAnswer>();
  for (const one of Array.isArray(answer) ? answer : [answer]) {
    if (isAnswer(one)) answers.set(one.id, one);
  }
  // A node that rejects a whole batch answers with one error without an id.
  const rejection = calls.length > 1 && answers.size === 1 ? answers.get(null)?.error : undefined;
  if (rejection) throw new RpcError(kindOfAnswer(rejection.code, rejection.message), rejection.message);
  return calls.map(({ method }, index) => {
    const found = answers.get(ids[index]);
    if (found?.error) {
      const kind = kindOfAnswer(found.error.code, found.error.message);
      observer.onError(kind);
      return new RpcError(kind, `${label} rejected ${method}: ${found.error.message}`);
    }
    if (found?.result !== undefined) return found.result;
    observer.onError("malformed");
    return new RpcError("malformed", `${label} left ${method} unanswered`);
  });
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
