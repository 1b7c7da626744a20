import { TransientError } from "../../core/errors";
import { highestPrice, suggestFees } from "./fees";
import { latestAttempt } from "./nextAction";
import type { Account, RelayerTransaction } from "./transactions";
import { createRelayerLoop, type TickReport } from "./loop";
import { insufficientFunds, type RequestRef, type RelayerOptions } from "./handlers";
import type { Call } from "./signer";

/** Something to be sent exactly once. */
export interface RelayRequest extends RequestRef {
  call: Call;
}

/**
 * Sends transactions from one key, which any number of processes may share.
 *
 * Every transaction is signed and kept under its nonce by one insert before any node sees it, and only those bytes, or
 * replacements with the same nonce, are ever sent for it. So whatever is killed, one request is mined at most once, and
 * nonces have no gaps.
 */
export interface Relayer {
  address: string;
  /**
   * Takes a request: keeps its transaction and wakes the pump that sends it. A request already taken, or one for a
   * subject that has another under way, is joined rather than repeated.
   *
   * @returns the transaction as it is kept
   * @throws the provider's CALL_EXCEPTION when the call would revert; nothing is kept then
   * @throws TransientError `relayer.insufficient_funds`, `relayer.contended`, `rpc.unreachable`; nothing is kept then
   */
  submit(request: RelayRequest): Promise<RelayerTransaction>;
  /** The transaction of a request or, failing that, the one under way for its subject; null when there is none. */
  find(request: Pick<RequestRef, "key" | "subject">): Promise<RelayerTransaction | null>;
  /** How many transactions are signed and not yet mined. */
  countPending(): Promise<number>;
  /** What the key can spend, in wei. */
  balance(): Promise<bigint>;
  /** One tick: sends, confirms and replaces what is due. */
  tick(): Promise<TickReport>;
  /** Pumps until closed: at once after each submission, then every `pollMs`. */
  start(): void;
  close(): Promise<void>;
}

/** Taking a nonce fails only when another worker takes it; so many times in a row does not happen by chance. */
const MAX_NONCE_RACES = 100;

/** Opens the relayer of one key. */
export function createRelayer(options: RelayerOptions): Relayer {
  const { provider, signer, transactions, clock } = options;
  const loop = createRelayerLoop(options);
  let allocating: Promise<unknown> = Promise.resolve();

  async function take(request: RelayRequest, account: Account, chainNonce: number): Promise<RelayerTransaction> {
    const { call, kind, subject, key } = request;
    const [estimate, balance, fees, pending] = await Promise.all([
      provider.estimateGas({ ...call, from: signer.address }),
      provider.getBalance(signer.address),
      suggestFees(provider),
      transactions.countPending(account),
    ]);
    const gasLimit = (estimate * 12n) / 10n;
    // Those under way will take their share first.
    const needed = gasLimit * highestPrice(fees) * BigInt(pending + 1);
    if (balance < needed) throw insufficientFunds(signer.address);

    for (let race = 0; race < MAX_NONCE_RACES; race += 1) {
      const nonce = Math.max(chainNonce, (await transactions.highestNonce(account)) + 1);
      const attempt = await signer.sign({ call, nonce, gasLimit, fees, cancellation: false });
      const now = clock.now();
      const transaction = {
        ...account,
        ...{ nonce, kind, subject, key, ...call, gasLimit: gasLimit.toString(), attempts: [attempt], attemptCount: 1 },
        ...{ state: "pending" as const, open: true, broadcastAt: null, nextBroadcastAt: now, rejections: 0 },
        ...{ missingSince: null, createdAt: now },
      };
      const taken = await transactions.insert(transaction);
      if (taken === "inserted") {
        await options.onStep?.("persisted", request);
        return { ...transaction, _id: `${account.scope}/${account.relayer}/${nonce}` };
      }
      if (taken === "request_taken") {
        const existing = await transactions.find(account.scope, key, subject);
        if (existing !== null) return existing;
      }
    }
    throw new TransientError("relayer.contended", "Too many workers took nonces at once.");
  }

  return {
    address: signer.address,
    async submit(request) {
      const { account, chainNonce } = await loop.readAccount();
      const existing = await transactions.find(account.scope, request.key, request.subject);
      if (existing !== null) {
        loop.wake();
        return existing;
      }
      // One at a time within a process: racing oneself for nonces only wastes signatures.
      const taken = allocating.then(() => take(request, account, chainNonce));
      allocating = taken.catch(() => undefined);
      const transaction = await taken;
      loop.wake();
      return transaction;
    },
    async find({ key, subject }) {
      const { account } = await loop.readAccount();
      return transactions.find(account.scope, key, subject);
    },
    async countPending() {
      const { account } = await loop.readAccount();
      return transactions.countPending(account);
    },
    balance: () => provider.getBalance(signer.address),
    tick: loop.tick,
    start: loop.start,
    close: loop.close,
  };
}

/** The hash a person should follow: of the attempt that was mined, or else of the latest. */
export function currentHash(transaction: RelayerTransaction): string {
  return transaction.receipt?.hash ?? latestAttempt(transaction).hash;
}
