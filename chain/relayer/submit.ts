import { TransientError } from "../../core/errors";
import type { AccountOnChain } from "./account";
import type { RelayerDeps } from "./deps";
import { type Fees, highestPrice, suggestFees } from "./fees";
import { insufficientFunds, type RequestName, type RequestRef } from "./handlers";
import { type Beneficiary, capFees, feesTooHigh, gasCapExceeded, gasCapOf, isSpendingRefusal } from "./policy";
import { type Account, type Call, type Charge, newTransaction, type RelayerTransaction } from "./transaction";

/** A call, and what else is known of it. */
interface RelayedCall {
  call: Call;
  /** Most gas that it may use, where that is less than the kind's cap; what would use more is not sent. */
  maxGas?: bigint;
  /** After this it would revert, for instance because a consent's deadline is over. */
  expiresAt?: Date;
  /** Taken from budgets for it already; whatever becomes of the request, the relayer gives back what it does not use. */
  charges?: Charge[];
}

/** Something to be sent exactly once. */
export interface RelayRequest extends RequestRef, RelayedCall {
  /** Whose budgets it is paid from; nobody's for what operators do. */
  beneficiaries: Beneficiary[];
}

/** Several requests that one call fulfils. */
export interface SharedRequest extends RelayedCall {
  kind: string;
  requests: RequestName[];
  /** The gas to give it; by the node's estimate when absent. */
  gasLimit?: bigint;
}

/** What {@link storeRequest} takes: charges, or whom to charge. */
type StoredRequest = SharedRequest & { beneficiaries?: Beneficiary[] };

/** Taking a nonce fails only when another worker takes it; so many times in a row does not happen by chance. */
const MAX_NONCE_RACES = 100;

/**
 * Decides by the policy whether a request is paid for, signs a transaction and stores it under the next free nonce, by
 * one insert, before any node sees it. The insert takes all of its requests, or none of them.
 *
 * @returns the stored transaction; null when one of the requests already has a transaction, or its subject a pending one
 * @throws the provider's CALL_EXCEPTION when the call would revert; nothing is stored then
 * @throws DomainError `relayer.budget_used_up`, `relayer.backing_off`, `relayer.gas_cap_exceeded`; nothing is stored then
 * @throws TransientError `relayer.stopped`, `relayer.day_budget_used_up`, `relayer.fees_too_high`,
 * `relayer.insufficient_funds`, `relayer.contended`, `rpc.unreachable`; nothing is stored then
 */
export async function storeRequest(
  deps: RelayerDeps,
  request: StoredRequest,
  onChain: AccountOnChain,
): Promise<RelayerTransaction | null> {
  const { budgets } = deps;
  let charges = request.charges ?? [];
  let stored: RelayerTransaction | null = null;
  try {
    await budgets.requireRunning();
    const priced = await price(deps, request, onChain.account);
    if (request.charges === undefined) charges = await budgets.reserve(request.beneficiaries ?? [], priced.gasLimit);
    stored = await signAndInsert(deps, request, { onChain, charges, ...priced });
    return stored;
  } catch (error) {
    if (isSpendingRefusal(error)) deps.onRefused?.(error.code);
    throw error;
  } finally {
    if (stored === null) await budgets.release(charges);
  }
}

async function signAndInsert(
  { signer, transactions, clock, onStep }: RelayerDeps,
  request: StoredRequest,
  terms: { onChain: AccountOnChain; charges: Charge[]; gasLimit: bigint; fees: Fees },
): Promise<RelayerTransaction | null> {
  const { onChain, charges, gasLimit, fees } = terms;
  const { account, chainNonce } = onChain;
  const { call, expiresAt = null } = request;
  for (let race = 0; race < MAX_NONCE_RACES; race += 1) {
    const nonce = Math.max(chainNonce, (await transactions.highestNonce(account)) + 1);
    const attempt = await signer.sign({ call, nonce, gasLimit, fees, cancellation: false });
    const now = clock.now();
    const transaction = newTransaction({ account, nonce, request, gasLimit, attempt, charges, expiresAt, now });
    const taken = await transactions.insert(transaction);
    if (taken === "inserted") {
      await onStep?.("persisted", request.kind);
      return transaction;
    }
    if (taken === "request_taken") return null;
  }
  throw new TransientError("relayer.contended", "Too many workers took nonces at once.");
}

/** What the call may cost; throws when it would revert, cannot be paid, or costs more than the policy allows. */
async function price(
  deps: RelayerDeps,
  request: SharedRequest,
  account: Account,
): Promise<{ gasLimit: bigint; fees: Fees }> {
  const kindCap = gasCapOf(deps.budgets.policy, request.kind);
  const cap = request.maxGas !== undefined && request.maxGas < kindCap ? request.maxGas : kindCap;
  const [gasLimit, { balance, fees, pending }] = await Promise.all([
    request.gasLimit ?? estimateGasLimit(deps, request, cap),
    readFunds(deps, account),
  ]);
  if (gasLimit > cap) throw gasCapExceeded(request.kind, cap);
  // Those pending will take their share first.
  const needed = gasLimit * highestPrice(fees) * BigInt(pending + 1);
  if (balance < needed) throw insufficientFunds(deps.signer.address);
  return { gasLimit, fees };
}

/**
 * What the relayer has, and what it would bid now.
 *
 * @throws TransientError `relayer.fees_too_high`
 */
async function readFunds({ provider, signer, transactions, budgets }: RelayerDeps, account: Account) {
  const [balance, suggested, pending] = await Promise.all([
    provider.getBalance(signer.address),
    suggestFees(provider),
    transactions.countPending(account),
  ]);
  const fees = capFees(suggested, budgets.policy.maxFeePerGas);
  if (fees === null) throw feesTooHigh();
  return { balance, fees, pending };
}

/**
 * The most gas that a transaction may have which the relayer can pay for at once, at today's fees, those pending taken
 * to cost as much each.
 *
 * @throws TransientError `relayer.fees_too_high`, `rpc.unreachable`
 */
export async function affordableGas(deps: RelayerDeps, account: Account): Promise<bigint> {
  const { balance, fees, pending } = await readFunds(deps, account);
  const price = highestPrice(fees);
  return balance / ((price === 0n ? 1n : price) * BigInt(pending + 1));
}

/** A fifth above the estimate, within the kind's cap: what the call costs may change before it is mined. */
async function estimateGasLimit(
  { provider, signer }: RelayerDeps,
  { call }: SharedRequest,
  cap: bigint,
): Promise<bigint> {
  const gas = await provider.estimateGas({ ...call, from: signer.address, gasLimit: cap });
  const ample = (gas * 12n) / 10n;
  return ample > cap ? cap : ample;
}
