import type { TransactionReceipt } from "ethers";
import type { RelayerDeps } from "./deps";
import { type Outcome, reportRequests } from "./handlers";
import type { Receipt, RelayerTransaction } from "./transaction";

/** Receipts are asked for of so many transactions at once. */
const BATCH = 16;

/**
 * Reads the receipts of transactions whose nonces the chain has used, calls their handlers and records the outcome.
 *
 * @returns how many ended
 * @throws TransientError `rpc.unreachable`
 */
export async function confirmReceipts(
  deps: RelayerDeps,
  transactions: RelayerTransaction[],
  now: Date,
): Promise<number> {
  let confirmed = 0;
  for (let first = 0; first < transactions.length; first += BATCH) {
    const batch = transactions.slice(first, first + BATCH);
    const ended = await Promise.all(batch.map((transaction) => confirmReceipt(deps, transaction, now)));
    confirmed += ended.filter(Boolean).length;
  }
  return confirmed;
}

/** Whether the transaction ended. */
async function confirmReceipt(deps: RelayerDeps, transaction: RelayerTransaction, now: Date): Promise<boolean> {
  const { provider, transactions, stuckSeconds } = deps;
  const receipts = await Promise.all(transaction.attempts.map(({ hash }) => provider.getTransactionReceipt(hash)));
  const index = receipts.findIndex((receipt) => receipt !== null);
  const receipt = receipts[index];
  if (!receipt) {
    // A node may know a block before its receipts, and nodes behind one address differ: it counts as lost after a while.
    if (transaction.missingSince === null) await transactions.markMissing(transaction._id, now);
    else if (now.getTime() - transaction.missingSince.getTime() >= stuckSeconds * 1000) {
      await recordOutcome(deps, transaction, { state: "lost", cause: "nonce_taken" });
      return true;
    }
    return false;
  }
  const { hash, blockNumber, blockHash } = receipt;
  const isCancellation = transaction.attempts[index]?.cancellation === true;
  const outcome: Outcome = isCancellation ? { state: "lost", cause: "rejected_by_nodes" } : outcomeIn(receipt);
  await recordOutcome(deps, transaction, outcome, { hash, blockNumber, blockHash });
  return true;
}

function outcomeIn({ status, hash, blockNumber, logs }: TransactionReceipt): Outcome {
  if (status === 0) return { state: "reverted", transactionHash: hash, blockNumber };
  return { state: "mined", transactionHash: hash, blockNumber, logs };
}

async function recordOutcome(
  deps: RelayerDeps,
  transaction: RelayerTransaction,
  outcome: Outcome,
  receipt?: Receipt,
): Promise<void> {
  await deps.onStep?.("mined", transaction.kind);
  // The handler first, the record second: a crash in between calls the handler again, which handlers allow.
  await reportRequests(deps.handlers, transaction, (handler, request) => handler.onOutcome(request, outcome));
  await deps.onStep?.("handled", transaction.kind);
  await deps.transactions.recordOutcome(transaction._id, outcome.state, receipt);
  await deps.onStep?.("confirmed", transaction.kind);
}
