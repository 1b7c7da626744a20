import type { Clock } from "../../core/clock";
import { TransientError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import type { FailoverProvider } from "../provider";
import type { Outbox } from "./transactions";
import type { Signer } from "./signer";

/**
 * How a relayed request ended. `lost`: it was not mined and will not be, so that it may be submitted anew under another
 * key; its nonce was taken by somebody else's use of the relayer's account, or no node would take the transaction.
 */
export type Outcome =
  | { state: "mined" | "reverted"; transactionHash: string; blockNumber: number }
  | { state: "lost"; cause: "nonce_taken" | "refused_by_nodes" };

/** What a request was, to those who are told about it. */
export interface Relayed {
  kind: string;
  subject: string;
  key: string;
}

/** Is told what becomes of the requests of one kind. Each call may come more than once. */
export interface RelayHandler {
  /** A node took the transaction, or a replacement of it. */
  onBroadcast(relayed: Relayed, transactionHash: string): Promise<void>;
  /** The transaction waits for something a person must mend. */
  onTrouble(relayed: Relayed, trouble: TransientError): Promise<void>;
  onSettled(relayed: Relayed, outcome: Outcome): Promise<void>;
}

/**
 * Named moments between which a crash leaves different traces: signed and kept; taken by a node, not yet noted; noted;
 * seen mined, handler not yet told; handler told, outcome not yet noted; outcome noted.
 */
export type RelayStep = "persisted" | "broadcast" | "recorded" | "mined" | "told" | "settled";

export interface RelayerOptions {
  provider: FailoverProvider;
  chainId: number;
  signer: Signer;
  outbox: Outbox;
  clock: Clock;
  logger: Logger;
  /** By `kind`. */
  handlers: Record<string, RelayHandler>;
  /** How long the next transaction in line may wait before its bid is raised. */
  stuckSeconds: number;
  /** Pause between two looks at the chain while something is under way. */
  pollMs: number;
  /** Observes the named moments; crash tests end the process here. */
  onStep?: (step: RelayStep, relayed: Relayed) => void | Promise<void>;
}

/** The relayer cannot pay; someone has to send it money, and everything goes on by itself then. */
export function insufficientFunds(address: string): TransientError {
  const message = `The relayer ${address} has not enough money to pay for gas. An operator has to fund it; then this goes on by itself.`;
  return new TransientError("relayer.insufficient_funds", message);
}

/** The kind of a transaction that only takes a nonce nobody holds. */
export const FILLER = "filler";

const NOBODY: RelayHandler = {
  onBroadcast: () => Promise.resolve(),
  onTrouble: () => Promise.resolve(),
  onSettled: () => Promise.resolve(),
};

/** Whether this process knows whom to tell about a transaction. */
export function hasHandler({ handlers }: Pick<RelayerOptions, "handlers">, { kind }: Pick<Relayed, "kind">): boolean {
  return kind === FILLER || kind in handlers;
}

/** Who is told about a transaction; see {@link hasHandler}. */
export function handlerOf(
  { handlers }: Pick<RelayerOptions, "handlers">,
  { kind }: Pick<Relayed, "kind">,
): RelayHandler {
  const handler = kind === FILLER ? NOBODY : handlers[kind];
  if (handler === undefined) throw new RangeError(`no handler for relayed transactions of the kind ${kind}`);
  return handler;
}
