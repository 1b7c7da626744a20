import type { RelayerDeps } from "./deps";
import { feesOf, highestPrice, raiseFees, type Fees } from "./fees";
import { latestAttempt, type RelayerTransaction } from "./transaction";

/**
 * Signs the same transaction again with a higher bid and stores it as the next attempt.
 *
 * @param suggested what the chain suggests to bid now
 * @returns false when another worker added an attempt first, the transaction has ended, or the bid would be above the
 * fee ceiling
 */
export function replaceTransaction(
  deps: RelayerDeps,
  transaction: RelayerTransaction,
  suggested: Fees,
  now: Date,
): Promise<boolean> {
  return addAttempt(deps, transaction, { suggested, now, cancellation: false });
}

/**
 * Signs a transaction under the same nonce that does nothing: no node takes the original, and later nonces wait for this
 * one. Otherwise as {@link replaceTransaction}.
 */
export function cancelTransaction(
  deps: RelayerDeps,
  transaction: RelayerTransaction,
  suggested: Fees,
  now: Date,
): Promise<boolean> {
  return addAttempt(deps, transaction, { suggested, now, cancellation: true });
}

async function addAttempt(
  { signer, transactions, logger, budgets }: RelayerDeps,
  transaction: RelayerTransaction,
  { suggested, now, cancellation }: { suggested: Fees; now: Date; cancellation: boolean },
): Promise<boolean> {
  const latest = latestAttempt(transaction);
  const { nonce, to, data } = transaction;
  const fees = raiseFees(feesOf(latest), suggested);
  if (highestPrice(fees) > budgets.policy.maxFeePerGas) {
    logger.debug({ nonce, cancellation }, "a higher bid would exceed the fee ceiling; the transaction waits");
    return false;
  }
  const gasLimit = BigInt(transaction.gasLimit);
  const next = await signer.sign({ call: { to, data }, nonce, gasLimit, fees, cancellation });
  if (!(await transactions.addAttempt(transaction, next, now))) return false;
  logger.info({ nonce, cancellation, replaces: latest.hash, by: next.hash }, "transaction replaced with a higher bid");
  return true;
}
