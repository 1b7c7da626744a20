import { TransientError } from "../../core/errors";
import type { AccountOnChain } from "./account";
import type { RelayerDeps } from "./deps";
import { highestPrice, suggestFees } from "./fees";
import { insufficientFunds, type RequestRef } from "./handlers";
import { type Account, type Call, newTransaction, type RelayerTransaction } from "./transaction";

/** Something to be sent exactly once. */
export interface RelayRequest extends RequestRef {
  call: Call;
  /** Most gas that it may use; what would use more is not sent. For calls that ask contracts of strangers. */
  maxGas?: bigint;
}

/** Taking a nonce fails only when another worker takes it; so many times in a row does not happen by chance. */
const MAX_NONCE_RACES = 100;

/**
 * Signs a request's transaction and stores it under the next free nonce, by one insert, before any node sees it.
 *
 * @returns the stored transaction: the request's, or the one pending for its subject
 * @throws the provider's CALL_EXCEPTION when the call would revert; nothing is stored then
 * @throws TransientError `relayer.insufficient_funds`, `relayer.contended`, `rpc.unreachable`; nothing is stored then
 */
export async function storeRequest(
  deps: RelayerDeps,
  request: RelayRequest,
  { account, chainNonce }: AccountOnChain,
): Promise<RelayerTransaction> {
  const { signer, transactions, clock } = deps;
  const { gasLimit, fees } = await estimate(deps, request, account);
  for (let race = 0; race < MAX_NONCE_RACES; race += 1) {
    const nonce = Math.max(chainNonce, (await transactions.highestNonce(account)) + 1);
    const attempt = await signer.sign({ call: request.call, nonce, gasLimit, fees, cancellation: false });
    const transaction = newTransaction({ account, nonce, request, gasLimit, attempt, now: clock.now() });
    const taken = await transactions.insert(transaction);
    if (taken === "inserted") {
      await deps.onStep?.("persisted", request);
      return transaction;
    }
    if (taken === "request_taken") {
      const existing = await transactions.find(account.scope, request.key, request.subject);
      if (existing !== null) return existing;
    }
  }
  throw new TransientError("relayer.contended", "Too many workers took nonces at once.");
}

/** What the request may cost; throws when it would revert or cannot be paid. */
async function estimate(
  { provider, signer, transactions }: RelayerDeps,
  { call, maxGas }: RelayRequest,
  account: Account,
) {
  const [gas, balance, fees, pending] = await Promise.all([
    provider.estimateGas({ ...call, from: signer.address, ...(maxGas !== undefined && { gasLimit: maxGas }) }),
    provider.getBalance(signer.address),
    suggestFees(provider),
    transactions.countPending(account),
  ]);
  const ample = (gas * 12n) / 10n;
  const gasLimit = maxGas !== undefined && ample > maxGas ? maxGas : ample;
  // Those pending will take their share first.
  const needed = gasLimit * highestPrice(fees) * BigInt(pending + 1);
  if (balance < needed) throw insufficientFunds(signer.address);
  return { gasLimit, fees };
}
