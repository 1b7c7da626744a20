import type { Attempt, RelayerTransaction } from "./transactions";
import { type Fees, highestPrice } from "./fees";

/** What is known of the chain when the next action is decided. */
export interface ChainView {
  /** The account's next nonce by the latest block: every lower one is used. */
  chainNonce: number;
  /** What the chain suggests to bid now. */
  suggested: Fees;
}

export type Action =
  /** Its nonce is used: find out by which attempt. */
  | "confirm"
  /** A reorg took it out of the chain: it is under way again. */
  | "reopen"
  | "broadcast"
  /** Sign the same again with a higher bid. */
  | "replace"
  /** No node will take it: spend its nonce on nothing, so that those behind it are mined. */
  | "cancel"
  | "wait";

/** After so many rejections of an attempt and of those that replaced it, the transaction is given up. */
const MAX_REJECTIONS = 3;

/** More bids than this help nobody: something else is wrong, and the fee would grow without limit. */
export const MAX_ATTEMPTS = 12;

/**
 * What to do next with a transaction.
 *
 * @param stuckSeconds how long a transaction that is next in line may wait before its bid is raised
 */
export function nextAction(transaction: RelayerTransaction, view: ChainView, now: Date, stuckSeconds: number): Action {
  const pending = transaction.state === "pending";
  if (transaction.nonce < view.chainNonce) return pending ? "confirm" : "wait";
  if (!pending) return "reopen";

  const latest = latestAttempt(transaction);
  const exhausted = transaction.attemptCount >= MAX_ATTEMPTS;
  if (transaction.rejections >= MAX_REJECTIONS && !latest.cancellation && transaction.nonce === view.chainNonce) {
    // One fresh signature with today's fees first: a refused bid is the likeliest reason.
    return transaction.attemptCount > 1 ? "cancel" : "replace";
  }
  if (isStuck(transaction, latest, view, now, stuckSeconds) && !exhausted) return "replace";
  return transaction.nextBroadcastAt <= now ? "broadcast" : "wait";
}

/** The attempt that is sent. */
export function latestAttempt(transaction: RelayerTransaction): Attempt {
  const latest = transaction.attempts.at(-1);
  if (latest === undefined) throw new RangeError(`transaction ${transaction._id} has no attempt`);
  return latest;
}

/** The bid of an attempt. */
export function feesOf(attempt: Attempt): Fees {
  const maxFeePerGas = BigInt(attempt.maxFeePerGas);
  if (attempt.market === "legacy") return { market: "legacy", gasPrice: maxFeePerGas };
  return { market: "eip1559", maxFeePerGas, maxPriorityFeePerGas: BigInt(attempt.maxPriorityFeePerGas ?? "0") };
}

/** Waiting behind others is no reason to bid more; being first in line, or bidding less than is asked now, is. */
function isStuck(
  transaction: RelayerTransaction,
  latest: Attempt,
  view: ChainView,
  now: Date,
  stuckSeconds: number,
): boolean {
  if (transaction.broadcastAt === null) return false;
  const since = Math.max(transaction.broadcastAt.getTime(), latest.signedAt.getTime());
  if (now.getTime() - since < stuckSeconds * 1000) return false;
  return transaction.nonce === view.chainNonce || highestPrice(feesOf(latest)) < highestPrice(view.suggested) / 2n;
}
