import { Schema } from "mongoose";
import { type Mongo, isDuplicateKey } from "../../core/mongo";

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
  /** True when it moves nothing and only takes the nonce, so that later ones are mined. */
  cancellation: boolean;
  signedAt: Date;
}

/**
 * How a nonce ended, if it has. `mined` and `reverted` speak of the transaction's purpose; `lost` says that the nonce was
 * taken by something else.
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
  /** Names the handler that is told what becomes of it. */
  kind: string;
  /** What it is about; only one transaction a subject is under way at a time. */
  subject: string;
  /** The request it fulfils; only one transaction a key ever. */
  key: string;
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
  receipt?: { hash: string; blockNumber: number; blockHash: string } | undefined;
  createdAt: Date;
}

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

const schema = new Schema<RelayerTransaction>(
  {
    _id: { type: String, required: true },
    scope: { type: String, required: true },
    relayer: { type: String, required: true },
    nonce: { type: Number, required: true },
    kind: { type: String, required: true },
    subject: { type: String, required: true },
    key: { type: String, required: true },
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
    receipt: { type: new Schema({ hash: String, blockNumber: Number, blockHash: String }, { _id: false }) },
    createdAt: { type: Date, required: true },
  },
  { collection: "relayer_transactions", versionKey: false },
);
schema.index({ scope: 1, relayer: 1, nonce: 1 });
schema.index({ scope: 1, relayer: 1, state: 1 });
schema.index({ scope: 1, key: 1 }, { unique: true });
schema.index({ scope: 1, subject: 1 }, { unique: true, partialFilterExpression: { open: true } });

/** Whose nonces are meant: one key on one chain. */
export interface Account {
  scope: string;
  relayer: string;
}

/** The collection `relayer_transactions`: what the relayer has signed, in the order of its nonces. */
export type TransactionStore = ReturnType<typeof createTransactionStore>;

/** Opens the relayer's outbox. */
export function createTransactionStore(mongo: Mongo) {
  const model = mongo.model<RelayerTransaction>("RelayerTransaction", schema);
  const idOf = (account: Account, nonce: number) => `${account.scope}/${account.relayer}/${nonce}`;
  const whilePending = (id: string) => ({ _id: id, state: "pending" as const });

  return {
    /**
     * Takes a nonce, keeps the signed bytes and claims the request, all in one write.
     *
     * @returns `nonce_taken` when another worker was faster with this nonce, `request_taken` when the request already
     * has a transaction or its subject has one under way
     */
    async insert(transaction: Omit<RelayerTransaction, "_id">): Promise<"inserted" | "nonce_taken" | "request_taken"> {
      try {
        await model.create({ ...transaction, _id: idOf(transaction, transaction.nonce) });
        return "inserted";
      } catch (error) {
        if (isDuplicateKey(error, "key") || isDuplicateKey(error, "subject")) return "request_taken";
        if (isDuplicateKey(error)) return "nonce_taken";
        throw error;
      }
    },

    /** The highest nonce taken so far, or -1. */
    async highestNonce(account: Account): Promise<number> {
      const last = await model
        .findOne({ ...account }, { nonce: 1 })
        .sort({ nonce: -1 })
        .lean();
      return last?.nonce ?? -1;
    },

    /** The transaction of a request, or else the one under way for its subject. */
    async find(scope: string, key: string, subject: string): Promise<RelayerTransaction | null> {
      return (
        (await model.findOne({ scope, key }).lean()) ?? (await model.findOne({ scope, subject, open: true }).lean())
      );
    },

    /**
     * What needs attention, lowest nonce first: everything still pending, and everything whose nonce the chain has not
     * used or, after a reorg, no longer has.
     */
    unfinished(account: Account, chainNonce: number, limit: number): Promise<RelayerTransaction[]> {
      return model
        .find({ ...account, $or: [{ state: "pending" }, { nonce: { $gte: chainNonce } }] })
        .sort({ nonce: 1 })
        .limit(limit)
        .lean();
    },

    /** How many transactions are under way. */
    countPending: (account: Account): Promise<number> => model.countDocuments({ ...account, state: "pending" }),

    /** Reserves the next sending of a transaction until `until`; false when another worker has it. */
    async claimBroadcast(id: string, now: Date, until: Date): Promise<boolean> {
      const claim = await model.updateOne(
        { _id: id, nextBroadcastAt: { $lte: now } },
        { $set: { nextBroadcastAt: until } },
      );
      return claim.modifiedCount === 1;
    },

    /** Notes that a node took it, and when to send it again in case that node forgets it. */
    async recordBroadcast(id: string, at: Date, nextBroadcastAt: Date): Promise<void> {
      await model.updateOne({ _id: id }, { $set: { nextBroadcastAt, rejections: 0 } });
      await model.updateOne({ _id: id, broadcastAt: null }, { $set: { broadcastAt: at } });
    },

    /** Lets it be sent again from `at` on; counts a rejection when it was one. */
    async postpone(id: string, at: Date, rejected: boolean): Promise<void> {
      await model.updateOne(
        { _id: id },
        { $set: { nextBroadcastAt: at }, ...(rejected && { $inc: { rejections: 1 } }) },
      );
    },

    /** Adds an attempt with the same nonce; false when another worker did so first or the transaction has ended. */
    async addAttempt(transaction: RelayerTransaction, next: Attempt, now: Date): Promise<boolean> {
      const added = await model.updateOne(
        { ...whilePending(transaction._id), attemptCount: transaction.attemptCount },
        { $push: { attempts: next }, $inc: { attemptCount: 1 }, $set: { rejections: 0, nextBroadcastAt: now } },
      );
      return added.modifiedCount === 1;
    },

    /** Notes since when its nonce is used and no attempt is found; undefined once one is. */
    async markMissing(id: string, since: Date): Promise<void> {
      await model.updateOne({ ...whilePending(id), missingSince: null }, { $set: { missingSince: since } });
    },

    /** Records how it ended. */
    async recordOutcome(
      id: string,
      state: Exclude<TransactionState, "pending">,
      receipt?: RelayerTransaction["receipt"],
    ): Promise<void> {
      await model.updateOne(whilePending(id), {
        $set: { state, open: false, missingSince: null, ...(receipt && { receipt }) },
      });
    },

    /** After a reorg took its block: it is under way again, unless its subject has another one under way. */
    async reopen(id: string, now: Date): Promise<void> {
      const reset = { state: "pending", missingSince: null, nextBroadcastAt: now } as const;
      try {
        await model.updateOne({ _id: id, open: false }, { $set: { ...reset, open: true }, $unset: { receipt: 1 } });
      } catch (error) {
        if (!isDuplicateKey(error, "subject")) throw error;
        // It still has to be mined: the nonces after it wait for it.
        await model.updateOne({ _id: id, open: false }, { $set: reset, $unset: { receipt: 1 } });
      }
    },
  };
}
