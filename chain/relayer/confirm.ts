import type { RelayerTransaction } from "./transactions";
import { handlerOf, type Outcome, type RelayerOptions } from "./handlers";

/** Looked at together. */
const CONFIRM_TOGETHER = 16;

/**
 * Makes what finds out how transactions ended whose nonces the chain has used, tells their handlers and notes it.
 *
 * @returns how many came to their end
 */
export function createConfirmer(
  options: RelayerOptions,
): (transactions: RelayerTransaction[], now: Date) => Promise<number> {
  const { provider, transactions, stuckSeconds } = options;

  async function confirmAll(transactions: RelayerTransaction[], now: Date): Promise<number> {
    let confirmed = 0;
    for (let first = 0; first < transactions.length; first += CONFIRM_TOGETHER) {
      const group = transactions.slice(first, first + CONFIRM_TOGETHER);
      const ended = await Promise.all(group.map((transaction) => confirm(transaction, now)));
      confirmed += ended.filter(Boolean).length;
    }
    return confirmed;
  }

  /** Whether the transaction came to its end. */
  async function confirm(transaction: RelayerTransaction, now: Date): Promise<boolean> {
    const receipts = await Promise.all(transaction.attempts.map(({ hash }) => provider.getTransactionReceipt(hash)));
    const index = receipts.findIndex((receipt) => receipt !== null);
    const receipt = receipts[index];
    if (!receipt) {
      // A node may know a block before its receipts, and nodes behind one address differ: patience before it counts as lost.
      if (transaction.missingSince === null) await transactions.markMissing(transaction._id, now);
      else if (now.getTime() - transaction.missingSince.getTime() >= stuckSeconds * 1000) {
        return finish(transaction, { state: "lost", cause: "nonce_taken" });
      }
      return false;
    }
    const { hash, blockNumber, blockHash, status } = receipt;
    if (transaction.attempts[index]?.cancellation === true) {
      return finish(transaction, { state: "lost", cause: "rejected_by_nodes" }, { hash, blockNumber, blockHash });
    }
    const state = status === 0 ? "reverted" : "mined";
    return finish(transaction, { state, transactionHash: hash, blockNumber }, { hash, blockNumber, blockHash });
  }

  async function finish(transaction: RelayerTransaction, outcome: Outcome, receipt?: RelayerTransaction["receipt"]) {
    await options.onStep?.("mined", transaction);
    // Told first, noted second: a crash in between tells again, which handlers allow.
    await handlerOf(options, transaction).onOutcome(transaction, outcome);
    await options.onStep?.("handled", transaction);
    await transactions.recordOutcome(transaction._id, outcome.state, receipt);
    await options.onStep?.("confirmed", transaction);
    return true;
  }

  return confirmAll;
}
