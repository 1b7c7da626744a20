import { type Model, Schema } from "mongoose";
import { type Mongo, isDuplicateKey } from "../../core/mongo";
import type { RequestName } from "./handlers";
import type { Account, Attempt, Charge, Receipt, RelayerTransaction, TransactionState } from "./transaction";

const attempt = new Schema<Attempt>(
  {
    hash: { type: String, required: true },
    raw: { type: String, required: true },
    market: { type: String, required: true },
    maxFeePerGas: { type: String, required: true },
    maxPriorityFeePerGas: String,
    cancellation: { type: Boolean, required: true },
    signedAt: { type: Date, required: true },
  },
  { _id: false },
);

const request = new Schema<RequestName>(
  { subject: { type: String, required: true }, key: { type: String, required: true } },
  { _id: false },
);

const charge = new Schema<Charge>(
  {
    account: { type: String, required: true },
    day: { type: String, required: true },
    gas: { type: Number, required: true },
  },
  { _id: false },
);

const schema = new Schema<RelayerTransaction>(
  {
    _id: { type: String, required: true },
    scope: { type: String, required: true },
    relayer: { type: String, required: true },
    nonce: { type: Number, required: true },
    kind: { type: String, required: true },
    requests: { type: [request], required: true },
    to: { type: String, required: true },
    data: { type: String, required: true },
    gasLimit: { type: String, required: true },
    attempts: { type: [attempt], required: true },
    attemptCount: { type: Number, required: true },
    state: { type: String, required: true },
    open: { type: Boolean, required: true },
    broadcastAt: { type: Date, default: null },
    nextBroadcastAt: { type: Date, required: true },
    rejections: { type: Number, required: true },
    missingSince: { type: Date, default: null },
    charges: { type: [charge], required: true },
    isSettled: { type: Boolean, required: true },
    expiresAt: { type: Date, default: null },
    receipt: { type: new Schema({ hash: String, blockNumber: Number, blockHash: String }, { _id: false }) },
    createdAt: { type: Date, required: true },
  },
  { collection: "relayer_transactions", versionKey: false },
);
schema.index({ scope: 1, relayer: 1, nonce: 1 });
schema.index({ scope: 1, relayer: 1, state: 1 });
// Of all requests of all transactions, so that one insert takes every request it fulfils, or none of them.
schema.index({ scope: 1, "requests.key": 1 }, { unique: true });
schema.index({ scope: 1, "requests.subject": 1 }, { unique: true, partialFilterExpression: { open: true } });

/** The collection `relayer_transactions`: what the relayer has signed, in the order of its nonces. */
export interface TransactionStore {
  /**
   * Takes a nonce, stores the signed bytes and claims the requests, all in one write.
   *
   * @returns `nonce_taken` when another worker was faster with this nonce, `request_taken` when one of the requests already
   * has a transaction or its subject has one that is pending
   */
  insert(transaction: RelayerTransaction): Promise<"inserted" | "nonce_taken" | "request_taken">;
  /** The highest nonce taken so far, or -1. */
  highestNonce(account: Account): Promise<number>;
  /** The transaction of a request, or else the one that is pending for its subject. */
  find(scope: string, request: RequestName): Promise<RelayerTransaction | null>;
  /** As `find`, of many requests in one exchange, in their order. */
  findMany(scope: string, requests: RequestName[]): Promise<(RelayerTransaction | null)[]>;
  /**
   * What needs attention, lowest nonce first: everything pending, and everything whose nonce the chain has not used or,
   * after a reorg, no longer has.
   */
  unfinished(account: Account, chainNonce: number, limit: number): Promise<RelayerTransaction[]>;
  countPending(account: Account): Promise<number>;
  /** Reserves the next sending of a transaction until `until`; false when another worker has it. */
  claimBroadcast(id: string, now: Date, until: Date): Promise<boolean>;
  /** Records that a node took it, and when to send it again in case that node forgets it. */
  recordBroadcast(id: string, at: Date, nextBroadcastAt: Date): Promise<void>;
  /** Lets it be sent again from `at` on; counts a rejection when it was one. */
  postpone(id: string, at: Date, rejected: boolean): Promise<void>;
  /** Adds an attempt with the same nonce; false when another worker did so first or the transaction has ended. */
  addAttempt(transaction: RelayerTransaction, next: Attempt, now: Date): Promise<boolean>;
  /** Records since when its nonce is used and no attempt is found, unless that is on record. */
  markMissing(id: string, since: Date): Promise<void>;
  /** Records how it ended. */
  recordOutcome(id: string, state: Exclude<TransactionState, "pending">, receipt?: Receipt): Promise<void>;
  /** Marks that its budgets have back what it did not use; true for the first caller alone. */
  markSettled(id: string): Promise<boolean>;
  /** After a reorg took its block: it is pending again. */
  reopen(id: string, now: Date): Promise<void>;
}

type Transactions = Model<RelayerTransaction>;

/** Makes the store of the relayer's transactions. */
export function createTransactionStore(mongo: Mongo): TransactionStore {
  const model: Transactions = mongo.model<RelayerTransaction>("RelayerTransaction", schema);
  return {
    insert: (transaction) => insert(model, transaction),
    async highestNonce({ scope, relayer }) {
      const last = await model.findOne({ scope, relayer }, { nonce: 1 }).sort({ nonce: -1 }).lean();
      return last?.nonce ?? -1;
    },
    async find(scope, name) {
      const [found = null] = await findMany(model, scope, [name]);
      return found;
    },
    findMany: (scope, requests) => findMany(model, scope, requests),
    unfinished({ scope, relayer }, chainNonce, limit) {
      const unfinished = { scope, relayer, $or: [{ state: "pending" as const }, { nonce: { $gte: chainNonce } }] };
      return model.find(unfinished).sort({ nonce: 1 }).limit(limit).lean();
    },
    countPending: ({ scope, relayer }) => model.countDocuments({ scope, relayer, state: "pending" }),
    claimBroadcast: (id, now, until) => claimBroadcast(model, id, now, until),
    recordBroadcast: (id, at, nextBroadcastAt) => recordBroadcast(model, id, at, nextBroadcastAt),
    async postpone(id, at, rejected) {
      await model.updateOne({ _id: id }, { $set: { nextBroadcastAt: at }, $inc: { rejections: rejected ? 1 : 0 } });
    },
    addAttempt: (transaction, next, now) => addAttempt(model, transaction, next, now),
    async markMissing(id, since) {
      await model.updateOne({ _id: id, state: "pending", missingSince: null }, { $set: { missingSince: since } });
    },
    async recordOutcome(id, state, receipt) {
      const outcome = { state, open: false, missingSince: null, ...(receipt && { receipt }) };
      await model.updateOne({ _id: id, state: "pending" }, { $set: outcome });
    },
    async markSettled(id) {
      const settled = await model.updateOne({ _id: id, isSettled: false }, { $set: { isSettled: true } });
      return settled.modifiedCount === 1;
    },
    reopen: (id, now) => reopen(model, id, now),
  };
}

async function insert(
  model: Transactions,
  transaction: RelayerTransaction,
): Promise<"inserted" | "nonce_taken" | "request_taken"> {
  try {
    await model.create(transaction);
    return "inserted";
  } catch (error) {
    if (isDuplicateKey(error, "requests.key") || isDuplicateKey(error, "requests.subject")) return "request_taken";
    if (isDuplicateKey(error)) return "nonce_taken";
    throw error;
  }
}

async function findMany(
  model: Transactions,
  scope: string,
  requests: RequestName[],
): Promise<(RelayerTransaction | null)[]> {
  const keys = requests.map(({ key }) => key);
  const subjects = requests.map(({ subject }) => subject);
  const found: RelayerTransaction[] = await model
    .find({ scope, $or: [{ "requests.key": { $in: keys } }, { "requests.subject": { $in: subjects }, open: true }] })
    .lean();
  const own = new Map(found.flatMap((one) => one.requests.map(({ key }) => [key, one] as const)));
  const open = new Map(
    found.filter((one) => one.open).flatMap((one) => one.requests.map(({ subject }) => [subject, one] as const)),
  );
  return requests.map(({ key, subject }) => own.get(key) ?? open.get(subject) ?? null);
}

async function claimBroadcast(model: Transactions, id: string, now: Date, until: Date): Promise<boolean> {
  const due = { _id: id, nextBroadcastAt: { $lte: now } };
  return (await model.updateOne(due, { $set: { nextBroadcastAt: until } })).modifiedCount === 1;
}

async function recordBroadcast(model: Transactions, id: string, at: Date, nextBroadcastAt: Date): Promise<void> {
  await model.updateOne({ _id: id }, { $set: { nextBroadcastAt, rejections: 0 } });
  await model.updateOne({ _id: id, broadcastAt: null }, { $set: { broadcastAt: at } });
}

async function addAttempt(
  model: Transactions,
  { _id, attemptCount }: RelayerTransaction,
  next: Attempt,
  now: Date,
): Promise<boolean> {
  const added = await model.updateOne(
    { _id, state: "pending", attemptCount },
    { $push: { attempts: next }, $inc: { attemptCount: 1 }, $set: { rejections: 0, nextBroadcastAt: now } },
  );
  return added.modifiedCount === 1;
}

async function reopen(model: Transactions, id: string, now: Date): Promise<void> {
  const pending = { state: "pending", missingSince: null, nextBroadcastAt: now } as const;
  try {
    await model.updateOne({ _id: id, open: false }, { $set: { ...pending, open: true }, $unset: { receipt: 1 } });
  } catch (error) {
    if (!isDuplicateKey(error, "requests.subject")) throw error;
    // A subject of its has another one that is open; this one still has to be mined, for the nonces after it wait for it.
    await model.updateOne({ _id: id, open: false }, { $set: pending, $unset: { receipt: 1 } });
  }
}
