import type { Clock } from "../../core/clock";
import { TransientError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import type { FailoverProvider } from "../provider";
import type { TransactionStore } from "./transactions";
import type { Signer } from "./signer";

/**
 * How a relayed request ended. `lost`: it was not mined and will not be, so that it may be submitted anew under another
 * key; its nonce was taken by somebody else's use of the relayer's account, or no node would take the transaction.
 */
export type Outcome =
  | { state: "mined" | "reverted"; transactionHash: string; blockNumber: number }
  | { state: "lost"; cause: "nonce_taken" | "rejected_by_nodes" };

/** What a request was, to those who are told about it. */
export interface RequestRef {
  kind: string;
  subject: string;
  key: string;
}

/** Is told what becomes of the requests of one kind. Each call may come more than once. */
export interface RelayHandler {
  /** A node took the transaction, or a replacement of it. */
  onBroadcast(relayed: RequestRef, transactionHash: string): Promise<void>;
  /** The transaction waits for something a person must fix. */
  onRetryableError(relayed: RequestRef, trouble: TransientError): Promise<void>;
  onOutcome(relayed: RequestRef, outcome: Outcome): Promise<void>;
}

/**
 * Named moments between which a crash leaves different traces: signed and kept; taken by a node, not yet recorded; recorded;
 * seen mined, handler not yet called; handler called, outcome not yet recorded; outcome recorded.
 */
export type RelayStep = "persisted" | "broadcast" | "recorded" | "mined" | "handled" | "confirmed";

export interface RelayerOptions {
  provider: FailoverProvider;
  chainId: number;
  signer: Signer;
  transactions: TransactionStore;
  clock: Clock;
  logger: Logger;
  /** By `kind`. */
  handlers: Record<string, RelayHandler>;
  /** How long the next transaction in line may wait before its bid is raised. */
  stuckSeconds: number;
  /** Pause between two looks at the chain while something is under way. */
  pollMs: number;
  /** Observes the named moments; crash tests end the process here. */
  onStep?: (step: RelayStep, relayed: RequestRef) => void | Promise<void>;
}

/** The relayer cannot pay; someone has to send it money, and everything goes on by itself then. */
export function insufficientFunds(address: string): TransientError {
  const message = `The relayer ${address} has not enough money to pay for gas. An operator has to fund it; then this goes on by itself.`;
  return new TransientError("relayer.insufficient_funds", message);
}

/** The kind of a transaction that only uses up a nonce nobody holds. */
export const NONCE_GAP = "nonce_gap";

const NOBODY: RelayHandler = {
  onBroadcast: () => Promise.resolve(),
  onRetryableError: () => Promise.resolve(),
  onOutcome: () => Promise.resolve(),
};

/** Whether this process knows whom to tell about a transaction. */
export function hasHandler(
  { handlers }: Pick<RelayerOptions, "handlers">,
  { kind }: Pick<RequestRef, "kind">,
): boolean {
  return kind === NONCE_GAP || kind in handlers;
}

/** Who is told about a transaction; see {@link hasHandler}. */
export function handlerOf(
  { handlers }: Pick<RelayerOptions, "handlers">,
  { kind }: Pick<RequestRef, "kind">,
): RelayHandler {
  const handler = kind === NONCE_GAP ? NOBODY : handlers[kind];
  if (handler === undefined) throw new RangeError(`no handler for relayed transactions of the kind ${kind}`);
  return handler;
}
