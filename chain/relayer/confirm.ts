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
  const isCancellation = transaction.attempts[index]?.cancellation === true;
  const outcome: Outcome = isCancellation ? cancelled(transaction, now) : outcomeIn(receipt);
  await recordOutcome(deps, transaction, outcome, receipt);
  return true;
}

function cancelled({ expiresAt }: RelayerTransaction, now: Date): Outcome {
  return { state: "lost", cause: expiresAt !== null && expiresAt <= now ? "expired" : "rejected_by_nodes" };
}

function outcomeIn({ status, hash, blockNumber, logs }: TransactionReceipt): Outcome {
  if (status === 0) return { state: "reverted", transactionHash: hash, blockNumber };
  return { state: "mined", transactionHash: hash, blockNumber, logs };
}

async function recordOutcome(
  deps: RelayerDeps,
  transaction: RelayerTransaction,
  outcome: Outcome,
  receipt?: TransactionReceipt,
): Promise<void> {
  await deps.onStep?.("mined", transaction.kind);
  // Before anybody reads that it reverted, and asks for the next.
  await settleBudgets(deps, transaction, outcome, receipt);
  // The handler first, the record second: a crash in between calls the handler again, which handlers allow.
  await reportRequests(deps.handlers, transaction, (handler, request) => handler.onOutcome(request, outcome));
  await deps.onStep?.("handled", transaction.kind);
  await deps.transactions.recordOutcome(transaction._id, outcome.state, receipt && placeOf(receipt));
  await deps.onStep?.("confirmed", transaction.kind);
}

/** Once a transaction: gives back the gas it did not use, and has those wait whose transaction reverted. */
async function settleBudgets(
  { budgets, transactions, onSpent }: RelayerDeps,
  { _id, kind, charges, requests }: RelayerTransaction,
  { state }: Outcome,
  receipt?: TransactionReceipt,
): Promise<void> {
  if (!(await transactions.markSettled(_id))) return;
  await budgets.settle(charges, receipt?.gasUsed ?? 0n);
  if (receipt !== undefined) onSpent?.(kind, receipt.fee);
  if (state === "mined") await budgets.clearReverts(charges);
  // Whose fault it is that one for several reverted is not known: they go one by one then.
  if (state === "reverted" && requests.length === 1) await budgets.backOff(charges);
}

function placeOf({ hash, blockNumber, blockHash }: TransactionReceipt): Receipt {
  return { hash, blockNumber, blockHash };
}
