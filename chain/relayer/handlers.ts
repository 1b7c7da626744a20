import { TransientError } from "../../core/errors";

/**
 * How a request ended. `lost`: it was not mined and will not be, so that it may be submitted anew under another key; its
 * nonce was taken by somebody else's use of the relayer's account, or no node would take the transaction.
 */
export type Outcome =
  | { state: "mined" | "reverted"; transactionHash: string; blockNumber: number }
  | { state: "lost"; cause: "nonce_taken" | "rejected_by_nodes" };

/** Names a request. */
export interface RequestRef {
  /** Names its handler. */
  kind: string;
  /** What it is about; only one request a subject is pending at a time. */
  subject: string;
  /** Names it for ever. */
  key: string;
}

/** Handles what becomes of the requests of one kind. Each call may come more than once. */
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
 * The handler of a transaction.
 *
 * @throws RangeError when this process has none; see {@link hasHandler}
 */
export function handlerOf(handlers: RelayHandlers, { kind }: Pick<RequestRef, "kind">): RelayHandler {
  const handler = kind === NONCE_GAP ? NO_HANDLER : handlers[kind];
  if (handler === undefined) throw new RangeError(`no handler for transactions of the kind ${kind}`);
  return handler;
}

/** The relayer cannot pay; somebody has to send it money, and everything goes on by itself then. */
export function insufficientFunds(address: string): TransientError {
  const message = `The relayer ${address} has not enough money to pay for gas. An operator has to fund it; then this goes on by itself.`;
  return new TransientError("relayer.insufficient_funds", message);
}
