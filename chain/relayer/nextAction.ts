import { type Fees, feesOf, highestPrice } from "./fees";
import { type Attempt, latestAttempt, type RelayerTransaction } from "./transaction";

/** What is known of the chain when the next action is decided. */
export interface ChainView {
  /** The account's next nonce by the latest block: every lower one is used. */
  chainNonce: number;
  /** What the chain suggests to bid now. */
  suggested: Fees;
}

/** What a transaction needs. */
export type Action =
  /** Its nonce is used: find out by which attempt. */
  | "confirm"
  /** A reorg took it out of the chain: it is pending again. */
  | "reopen"
  | "broadcast"
  /** Sign the same again with a higher bid. */
  | "replace"
  /** No node will take it, or it would revert: spend its nonce on nothing, so that those behind it are mined. */
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
  // What signed for it counts no more; reverting would cost more than a transfer.
  if (transaction.expiresAt !== null && transaction.expiresAt <= now && !latest.cancellation) return "cancel";
  const exhausted = transaction.attemptCount >= MAX_ATTEMPTS;
  if (transaction.rejections >= MAX_REJECTIONS && !latest.cancellation && transaction.nonce === view.chainNonce) {
    // One fresh signature with today's fees first: a bid too low is the likeliest reason.
    return transaction.attemptCount > 1 ? "cancel" : "replace";
  }
  if (isStuck(transaction, latest, view, now, stuckSeconds) && !exhausted) {
    return latest.cancellation ? "cancel" : "replace";
  }
  return transaction.nextBroadcastAt <= now ? "broadcast" : "wait";
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
