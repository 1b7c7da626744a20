import type { RequestName } from "./handlers";

/** What a transaction does, without its nonce and bid. */
export interface Call {
  to: string;
  /** `0x` and hexadecimal digits. */
  data: string;
}

/** Gas that was taken from a budget for a transaction. */
export interface Charge {
  /** The account's `_id` in `relayer_spending`. */
  account: string;
  day: string;
  gas: number;
}

/** One signed form of a transaction. All attempts of a transaction share its nonce, so at most one is ever mined. */
export interface Attempt {
  hash: string;
  /** The signed bytes, `0x` and hexadecimal digits: what is sent, and sent again, after any crash. */
  raw: string;
  market: "eip1559" | "legacy";
  /** Wei, decimal. For a legacy bid its one price. */
  maxFeePerGas: string;
  /** Wei, decimal; absent for a legacy bid. */
  maxPriorityFeePerGas?: string | undefined;
  /** True when it moves nothing and only uses up the nonce, so that later ones are mined. */
  cancellation: boolean;
  signedAt: Date;
}

/**
 * How a nonce ended, if it has. `mined` and `reverted` are of the transaction's own call; `lost` says that something else
 * used the nonce.
 */
export type TransactionState = "pending" | "mined" | "reverted" | "lost";

/** A transaction of the relayer, from the moment before it is first sent. */
export interface RelayerTransaction {
  /** `<scope>/<relayer>/<nonce>`: inserting it is what takes the nonce. */
  _id: string;
  /** The chain, `<chain id>:<genesis hash>`: a chain that was reset begins anew. */
  scope: string;
  relayer: string;
  nonce: number;
  /** Names the handler of its outcome. */
  kind: string;
  /** The requests it fulfils: only one transaction a key ever, and only one a subject is pending at a time. */
  requests: RequestName[];
  to: string;
  data: string;
  gasLimit: string;
  attempts: Attempt[];
  attemptCount: number;
  state: TransactionState;
  /** True while the outcome is awaited. */
  open: boolean;
  /** When a node first took it. */
  broadcastAt: Date | null;
  /** Whoever moves this forward may send it next; the others wait. */
  nextBroadcastAt: Date;
  /** How often nodes rejected the latest attempt for a reason other than its place in the queue. */
  rejections: number;
  /** Since when its nonce is used on-chain and no attempt has a receipt. */
  missingSince: Date | null;
  receipt?: Receipt | undefined;
  /** What its gas limit took from budgets; what it does not use is given back once. */
  charges: Charge[];
  isSettled: boolean;
  /** After this it would revert: its nonce is spent on nothing instead. Null when it never does. */
  expiresAt: Date | null;
  createdAt: Date;
}

/** Where a transaction was mined, and by which attempt. */
export interface Receipt {
  hash: string;
  blockNumber: number;
  blockHash: string;
}

/** Whose nonces are meant: one key on one chain. */
export interface Account {
  scope: string;
  relayer: string;
}

/** The `_id` of the transaction with a nonce of an account. */
export function transactionId({ scope, relayer }: Account, nonce: number): string {
  return `${scope}/${relayer}/${nonce}`;
}

/** A transaction with one attempt, which no node has seen. */
export function newTransaction(options: {
  account: Account;
  nonce: number;
  request: { kind: string; requests: RequestName[]; call: Call };
  gasLimit: bigint;
  attempt: Attempt;
  charges: Charge[];
  expiresAt: Date | null;
  now: Date;
}): RelayerTransaction {
  const { account, nonce, request, gasLimit, attempt, charges, expiresAt, now } = options;
  return {
    _id: transactionId(account, nonce),
    scope: account.scope,
    relayer: account.relayer,
    nonce,
    kind: request.kind,
    requests: request.requests,
    to: request.call.to,
    data: request.call.data,
    gasLimit: gasLimit.toString(),
    attempts: [attempt],
    attemptCount: 1,
    state: "pending",
    open: true,
    broadcastAt: null,
    nextBroadcastAt: now,
    rejections: 0,
    missingSince: null,
    charges,
    isSettled: false,
    expiresAt,
    createdAt: now,
  };
}

/** Whether a transaction fulfils the request of this key. */
export function fulfils({ requests }: Pick<RelayerTransaction, "requests">, key: string): boolean {
  return requests.some((request) => request.key === key);
}

/** The attempt that is sent. */
export function latestAttempt(transaction: RelayerTransaction): Attempt {
  const latest = transaction.attempts.at(-1);
  if (latest === undefined) throw new RangeError(`transaction ${transaction._id} has no attempt`);
  return latest;
}

/** The hash a person should follow: of the attempt that was mined, or else of the latest. */
export function currentHash(transaction: RelayerTransaction): string {
  return transaction.receipt?.hash ?? latestAttempt(transaction).hash;
}
