import { TransientError } from "../../core/errors";

/**
 * How a request ended. `lost`: it was not mined and will not be, so that it may be submitted anew under another key; its
 * nonce was taken by somebody else's use of the relayer's account, no node would take the transaction, or its time was over
 * before it was mined.
 */
export type Outcome =
  | { state: "mined"; transactionHash: string; blockNumber: number; logs: readonly EventLog[] }
  | { state: "reverted"; transactionHash: string; blockNumber: number }
  | { state: "lost"; cause: "nonce_taken" | "rejected_by_nodes" | "expired" };

/** An event that a transaction emitted, as its receipt has it. */
export interface EventLog {
  address: string;
  topics: readonly string[];
  data: string;
}

/** What names a request among those of its kind. */
export interface RequestName {
  /** What it is about; only one request a subject is pending at a time. */
  subject: string;
  /** Names it for ever. */
  key: string;
}

/** Names a request. */
export interface RequestRef extends RequestName {
  /** Names its handler. */
  kind: string;
}

/**
 * Handles what becomes of the requests of one kind. Each call may come more than once. A transaction that fulfils several
 * requests is reported once for each: that it was mined
 * says nothing of a single one then; its logs do.
 */
export interface RelayHandler {
  /** A node took the transaction, or a replacement of it. */
  onBroadcast(request: RequestRef, transactionHash: string): Promise<void>;
  /** The transaction waits for something a person must do. */
  onRetryableError(request: RequestRef, error: TransientError): Promise<void>;
  onOutcome(request: RequestRef, outcome: Outcome): Promise<void>;
}

/** The handlers by `kind`. */
export type RelayHandlers = Record<string, RelayHandler>;

/** The kind of a transaction that only uses up a nonce nobody holds. */
export const NONCE_GAP = "nonce_gap";

const NO_HANDLER: RelayHandler = {
  onBroadcast: () => Promise.resolve(),
  onRetryableError: () => Promise.resolve(),
  onOutcome: () => Promise.resolve(),
};

/** Whether this process has a handler for a transaction. */
export function hasHandler(handlers: RelayHandlers, { kind }: Pick<RequestRef, "kind">): boolean {
  return kind === NONCE_GAP || kind in handlers;
}

/**
 * Reports something about a transaction to its handler, for each request it fulfils.
 *
 * @throws RangeError when this process has no handler for it; see {@link hasHandler}
 */
export async function reportRequests(
  handlers: RelayHandlers,
  { kind, requests }: { kind: string; requests: RequestName[] },
  report: (handler: RelayHandler, request: RequestRef) => Promise<void>,
): Promise<void> {
  const handler = kind === NONCE_GAP ? NO_HANDLER : handlers[kind];
  if (handler === undefined) throw new RangeError(`no handler for transactions of the kind ${kind}`);
  await Promise.all(requests.map(({ subject, key }) => report(handler, { kind, subject, key })));
}

/** The relayer cannot pay; somebody has to send it money, and everything goes on by itself then. */
export function insufficientFunds(address: string): TransientError {
  const message = `The relayer ${address} has not enough money to pay for gas. An operator has to fund it; then this goes on by itself.`;
  return new TransientError("relayer.insufficient_funds", message);
}
