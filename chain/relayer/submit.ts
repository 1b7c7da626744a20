import { TransientError } from "../../core/errors";
import type { AccountOnChain } from "./account";
import type { RelayerDeps } from "./deps";
import { highestPrice, suggestFees } from "./fees";
import { insufficientFunds, type RequestName, type RequestRef } from "./handlers";
import { type Account, type Call, newTransaction, type RelayerTransaction } from "./transaction";

/** A call and the gas that it may use. */
interface RelayedCall {
  call: Call;
  /** Most gas that it may use; what would use more is not sent. For calls that ask contracts of strangers. */
  maxGas?: bigint;
}

/** Something to be sent exactly once. */
export interface RelayRequest extends RequestRef, RelayedCall {}

/** Several requests that one call fulfils. */
export interface SharedRequest extends RelayedCall {
  kind: string;
  requests: RequestName[];
  /** The gas to give it; by the node's estimate when absent. */
  gasLimit?: bigint;
}

/** Taking a nonce fails only when another worker takes it; so many times in a row does not happen by chance. */
const MAX_NONCE_RACES = 100;

/**
 * Signs a transaction and stores it under the next free nonce, by one insert, before any node sees it. The insert takes
 * all of its requests, or none of them.
 *
 * @returns the stored transaction; null when one of the requests already has a transaction, or its subject a pending one
 * @throws the provider's CALL_EXCEPTION when the call would revert; nothing is stored then
 * @throws TransientError `relayer.insufficient_funds`, `relayer.contended`, `rpc.unreachable`; nothing is stored then
 */
export async function storeRequest(
  deps: RelayerDeps,
  request: SharedRequest,
  { account, chainNonce }: AccountOnChain,
): Promise<RelayerTransaction | null> {
  const { signer, transactions, clock } = deps;
  const { gasLimit, fees } = await estimate(deps, request, account);
  for (let race = 0; race < MAX_NONCE_RACES; race += 1) {
    const nonce = Math.max(chainNonce, (await transactions.highestNonce(account)) + 1);
    const attempt = await signer.sign({ call: request.call, nonce, gasLimit, fees, cancellation: false });
    const transaction = newTransaction({ account, nonce, request, gasLimit, attempt, now: clock.now() });
    const taken = await transactions.insert(transaction);
    if (taken === "inserted") {
      await deps.onStep?.("persisted", request.kind);
      return transaction;
    }
    if (taken === "request_taken") return null;
  }
  throw new TransientError("relayer.contended", "Too many workers took nonces at once.");
}

/** What the call may cost; throws when it would revert or cannot be paid. */
async function estimate({ provider, signer, transactions }: RelayerDeps, request: SharedRequest, account: Account) {
  const [gasLimit, balance, fees, pending] = await Promise.all([
    request.gasLimit ?? estimateGasLimit(provider, signer.address, request),
    provider.getBalance(signer.address),
    suggestFees(provider),
    transactions.countPending(account),
  ]);
  // Those pending will take their share first.
  const needed = gasLimit * highestPrice(fees) * BigInt(pending + 1);
  if (balance < needed) throw insufficientFunds(signer.address);
  return { gasLimit, fees };
}

/** A fifth above the estimate, within the request's limit: what the call costs may change before it is mined. */
async function estimateGasLimit(
  provider: RelayerDeps["provider"],
  from: string,
  { call, maxGas }: SharedRequest,
): Promise<bigint> {
  const gas = await provider.estimateGas({ ...call, from, ...(maxGas !== undefined && { gasLimit: maxGas }) });
  const ample = (gas * 12n) / 10n;
  return maxGas !== undefined && ample > maxGas ? maxGas : ample;
}
