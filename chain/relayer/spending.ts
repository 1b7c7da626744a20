import { type Model, Schema } from "mongoose";
import { addSeconds } from "../../core/clock";
import { isDuplicateKey, type Mongo } from "../../core/mongo";
import { dayOf } from "./policy";

/** What the relayer has spent on one account today: on a beneficiary, or on all. */
export interface SpendingAccount {
  /** `<scope>/<kind>/<id>`. */
  _id: string;
  /** The UTC day that `gas` is of. */
  day: string;
  gas: number;
  /** Transactions that reverted in a row. */
  reverts: number;
  /** Nothing is paid before. */
  retryAt: Date;
  purgeAt: Date;
}

const schema = new Schema<SpendingAccount>(
  {
    _id: { type: String, required: true },
    day: { type: String, required: true },
    gas: { type: Number, required: true },
    reverts: { type: Number, required: true },
    retryAt: { type: Date, required: true },
    purgeAt: { type: Date, required: true },
  },
  { collection: "relayer_spending", versionKey: false },
);
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** Longer than any budget or back-off lasts. */
const RETENTION_SECONDS = 3 * 24 * 60 * 60;

const NEVER = new Date(0);

/** Of racing takers all but one find a stale day or a missing account; so many times in a row does not happen. */
const MAX_RACES = 5;

/** The collection `relayer_spending`. */
export interface SpendingStore {
  /**
   * Takes gas from an account's budget of the day, by one conditional write: however many take at once, the budget is not
   * exceeded.
   */
  take(account: string, input: { gas: number; limit: number; now: Date }): Promise<"taken" | "used_up" | "backing_off">;
  /** Gives back what was taken on a day; after that day there is nothing to give back. */
  giveBack(account: string, input: { gas: number; day: string }): Promise<void>;
  /** Counts a revert. @returns how many there were in a row */
  countRevert(account: string, now: Date): Promise<number>;
  /** Has an account wait; never less long than it does already. */
  postpone(account: string, retryAt: Date): Promise<void>;
  /** Ends a row of reverts. */
  clearReverts(account: string): Promise<void>;
  find(account: string): Promise<SpendingAccount | null>;
  remove(account: string): Promise<void>;
}

/** Creates the store of what was spent. */
export function createSpendingStore(mongo: Mongo): SpendingStore {
  const model: Model<SpendingAccount> = mongo.model<SpendingAccount>("RelayerSpending", schema);
  return {
    take: (account, input) => take(model, account, input),
    async giveBack(account, { gas, day }) {
      await model.updateOne({ _id: account, day }, { $inc: { gas: -gas } });
    },
    async countRevert(account, now) {
      const set = { purgeAt: addSeconds(now, RETENTION_SECONDS) };
      const counted = await model
        .findOneAndUpdate({ _id: account }, { $inc: { reverts: 1 }, $set: set }, { returnDocument: "after" })
        .lean();
      if (counted !== null) return counted.reverts;
      await insert(model, { ...newAccount(account, now), reverts: 1 });
      return 1;
    },
    async postpone(account, retryAt) {
      await model.updateOne({ _id: account }, { $max: { retryAt } });
    },
    async clearReverts(account) {
      await model.updateOne({ _id: account, reverts: { $gt: 0 } }, { $set: { reverts: 0, retryAt: NEVER } });
    },
    find: (account) => model.findById(account).lean(),
    async remove(account) {
      await model.deleteOne({ _id: account });
    },
  };
}

async function take(
  model: Model<SpendingAccount>,
  account: string,
  { gas, limit, now }: { gas: number; limit: number; now: Date },
): Promise<"taken" | "used_up" | "backing_off"> {
  const day = dayOf(now);
  for (let race = 0; race < MAX_RACES; race += 1) {
    // A day later than ours is the present one too: clocks differ by a little.
    const taken = await model.updateOne(
      { _id: account, day: { $gte: day }, gas: { $lte: limit - gas }, retryAt: { $lte: now } },
      { $inc: { gas }, $set: { purgeAt: addSeconds(now, RETENTION_SECONDS) } },
    );
    if (taken.modifiedCount === 1) return "taken";
    const found = await model.findById(account).lean();
    if (found !== null && found.retryAt > now) return "backing_off";
    if (gas > limit || (found !== null && found.day >= day && found.gas + gas > limit)) return "used_up";
    if (found === null) await insert(model, newAccount(account, now));
    else await model.updateOne({ _id: account, day: { $lt: day } }, { $set: { day, gas: 0 } });
  }
  return "used_up";
}

function newAccount(account: string, now: Date): SpendingAccount {
  const purgeAt = addSeconds(now, RETENTION_SECONDS);
  return { _id: account, day: dayOf(now), gas: 0, reverts: 0, retryAt: NEVER, purgeAt };
}

/** Another may be faster: then it is there. */
async function insert(model: Model<SpendingAccount>, account: SpendingAccount): Promise<void> {
  try {
    await model.create(account);
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}
