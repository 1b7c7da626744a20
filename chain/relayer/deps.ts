import type { Clock } from "../../core/clock";
import type { Logger } from "../../core/logger";
import type { FailoverProvider } from "../provider";
import type { Budgets } from "./budgets";
import type { RelayHandlers } from "./handlers";
import type { Signer } from "./signer";
import type { TransactionStore } from "./transactions";

/**
 * Named moments between which a crash leaves different traces: signed and stored; taken by a node, not yet recorded;
 * recorded; seen mined, handler not yet called; handler called, outcome not yet recorded; outcome recorded.
 */
export type RelayStep = "persisted" | "broadcast" | "recorded" | "mined" | "handled" | "confirmed";

/** What relaying needs from around it. */
export interface RelayerDeps {
  provider: FailoverProvider;
  chainId: number;
  signer: Signer;
  transactions: TransactionStore;
  clock: Clock;
  logger: Logger;
  handlers: RelayHandlers;
  budgets: Budgets;
  /** Called with what a transaction cost once it is mined, in wei, once a transaction. */
  onSpent?: ((kind: string, wei: bigint) => void) | undefined;
  /** Called with the code of each refusal of the policy. */
  onRefused?: ((code: string) => void) | undefined;
  /** How long the next transaction in line may wait before its bid is raised. */
  stuckSeconds: number;
  /** Pause between two ticks while something is pending. */
  pollMs: number;
  /** Observes the named moments of transactions of a kind; crash tests end the process here. */
  onStep?: (step: RelayStep, kind: string) => void | Promise<void>;
}
