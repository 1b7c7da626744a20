import { type AccountOnChain, readAccount } from "./account";
import type { RelayerDeps } from "./deps";
import { TransientError } from "../../core/errors";
import type { RequestName } from "./handlers";
import { createRelayerLoop } from "./loop";
import { type Beneficiary, isSpendingRefusal } from "./policy";
import { affordableGas, type RelayRequest, type SharedRequest, storeRequest } from "./submit";
import { tick, type TickReport } from "./tick";
import type { Charge, RelayerTransaction } from "./transaction";

/**
 * Sends transactions from one key, which any number of processes may share.
 *
 * Every transaction is signed and stored under its nonce by one insert before any node sees it, and only those bytes, or
 * replacements with the same nonce, are ever sent for it. So whatever is killed, one request is mined at most once, and
 * nonces have no gaps.
 */
export interface Relayer {
  address: string;
  /**
   * Takes a request: stores its transaction and wakes the loop that sends it. For a request already taken, or one for a
   * subject that has another pending, nothing is added.
   *
   * @returns the transaction as it is stored
   * @throws as {@link storeRequest}: where the call would revert, where the policy refuses it, where it cannot be paid;
   * nothing is stored then
   */
  submit(request: RelayRequest): Promise<RelayerTransaction>;
  /**
   * Takes several requests that one transaction fulfils, all of them or none.
   *
   * @returns the transaction as it is stored; null when one of the requests has a transaction, or its subject a pending one
   * @throws as {@link Relayer.submit}; the call is not tried out when its gas limit is given
   */
  submitShared(request: SharedRequest): Promise<RelayerTransaction | null>;
  /**
   * Takes gas from budgets for requests to be submitted with it.
   *
   * @throws DomainError `relayer.budget_used_up`, `relayer.backing_off`
   * @throws TransientError `relayer.stopped`, `relayer.day_budget_used_up`
   */
  reserve(beneficiaries: Beneficiary[], gas: bigint): Promise<Charge[]>;
  /**
   * The most gas of a transaction that can be paid for at once.
   *
   * @throws TransientError `relayer.fees_too_high`, `rpc.unreachable`
   */
  affordableGas(): Promise<bigint>;
  /** The transaction of a request or, failing that, the one pending for its subject; null when there is none. */
  find(request: RequestName): Promise<RelayerTransaction | null>;
  /** As `find`, of many requests, in their order. */
  findMany(requests: RequestName[]): Promise<(RelayerTransaction | null)[]>;
  /** How many transactions are signed and not yet mined. */
  countPending(): Promise<number>;
  /** What the key can spend, in wei. */
  balance(): Promise<bigint>;
  /** One tick of the loop: sends, confirms and replaces what is due. */
  tick(): Promise<TickReport>;
  /** Ticks until closed: at once after each submission, then every `pollMs`. */
  start(): void;
  close(): Promise<void>;
}

/** Makes the relayer of one key. */
export function createRelayer(deps: RelayerDeps): Relayer {
  const { provider, signer, transactions } = deps;
  const loop = createRelayerLoop(deps);
  let storing: Promise<unknown> = Promise.resolve();

  /** One at a time within a process: racing oneself for nonces only wastes signatures. */
  async function store(
    request: Parameters<typeof storeRequest>[1],
    onChain: AccountOnChain,
  ): Promise<RelayerTransaction | null> {
    const stored = storing.then(() => storeRequest(deps, request, onChain));
    storing = stored.catch(() => undefined);
    const transaction = await stored;
    loop.wake();
    return transaction;
  }

  return {
    address: signer.address,
    async submit({ kind, subject, key, ...relayed }) {
      const onChain = await readAccount(deps);
      const name = { subject, key };
      const existing = await transactions.find(onChain.account.scope, name);
      const transaction = existing ?? (await store({ ...relayed, kind, requests: [name] }, onChain));
      loop.wake();
      if (transaction !== null) return transaction;
      const faster = await transactions.find(onChain.account.scope, name);
      if (faster !== null) return faster;
      throw new TransientError("relayer.contended", "Another transaction of the subject ended just now.");
    },
    async reserve(beneficiaries, gas) {
      try {
        return await deps.budgets.reserve(beneficiaries, gas);
      } catch (error) {
        if (isSpendingRefusal(error)) deps.onRefused?.(error.code);
        throw error;
      }
    },
    async affordableGas() {
      const { account } = await readAccount(deps);
      return affordableGas(deps, account);
    },
    submitShared: async (request) => store(request, await readAccount(deps)),
    async find(request) {
      const { account } = await readAccount(deps);
      return transactions.find(account.scope, request);
    },
    async findMany(requests) {
      const { account } = await readAccount(deps);
      return transactions.findMany(account.scope, requests);
    },
    async countPending() {
      const { account } = await readAccount(deps);
      return transactions.countPending(account);
    },
    balance: () => provider.getBalance(signer.address),
    tick: () => tick(deps),
    start: loop.start,
    close: loop.close,
  };
}
